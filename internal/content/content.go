// Package content writes and reads what files hold: sealed parts of a blob. It
// knows the layout of parts, file keys and blob stores; it must not know
// files, users, or who is asking. It is the only reader of sealed content, so
// nothing reads a file but through it, and it releases no byte that was not
// authenticated.
package content

import (
	"cmp"
	"sync"
	"sync/atomic"

	"coffer"
	"coffer/internal/cobblestone"
)

// Sizes of buffers, in chunks of 16 KiB. Large blocks make writing cheap, but
// above 1 MiB a block leaves the processor's cache.
const (
	readChunks   = 16 // 256 KiB
	writeChunks  = 64 // 1 MiB
	crowdChunks  = 16 // 256 KiB, for each of many writers
	crowdedFrom  = 32 // so many writers are many, unless IO says another number
	smallContent = crowdChunks * cobblestone.ChunkSize
)

// IO holds the buffers of all transfers of a process, so that memory grows with
// the transfers that run and not with what they transfer: two buffers of
// 256 KiB for a reader, two of 1 MiB for a writer (of 256 KiB while more than
// 32 write, and for small files). The zero value is ready; a process shares one.
type IO struct {
	Crowded int // so many writers are many; 0 = 32. Set it before use.

	readers sync.Pool // of *buffers with readChunks
	writers sync.Pool // of *buffers with writeChunks
	crowd   sync.Pool // of *buffers with crowdChunks
	writing atomic.Int32
}

// buffers belong to one transfer at a time. They hold plaintext after use;
// they stay inside this process and are overwritten by the next transfer.
type buffers struct {
	plain  []byte // length: full chunks
	sealed []byte // capacity: header, the chunks, one last chunk
	pool   *sync.Pool
}

func get(pool *sync.Pool, chunks int) *buffers {
	if b, ok := pool.Get().(*buffers); ok {
		return b
	}
	return &buffers{
		plain:  make([]byte, chunks*cobblestone.ChunkSize),
		sealed: make([]byte, 0, cobblestone.HeaderSize+(chunks+1)*cobblestone.SealedChunkSize),
		pool:   pool,
	}
}

func (b *buffers) put() { b.pool.Put(b) }

// writer returns buffers for content of an expected size (-1: unknown); done
// gives them back.
func (o *IO) writer(size int64) (b *buffers, done func()) {
	if int(o.writing.Add(1)) > cmp.Or(o.Crowded, crowdedFrom) || size >= 0 && size <= smallContent {
		b = get(&o.crowd, crowdChunks)
	} else {
		b = get(&o.writers, writeChunks)
	}
	return b, func() { b.put(); o.writing.Add(-1) }
}

func damaged(cause error) error {
	return &coffer.Error{Kind: coffer.Corrupt, Code: "damaged", Err: cause,
		Msg: "The stored content is damaged. What was sent before is correct, the rest cannot be read."}
}
