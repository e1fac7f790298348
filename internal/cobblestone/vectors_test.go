package cobblestone

import (
	"bytes"
	"compress/zlib"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"slices"
	"testing"

	"github.com/c2sp/wycheproof"
)

// vectorFile and vectorCount pin what the module must carry: a test that finds
// no vectors proves nothing.
const (
	vectorFile  = "c2sp_chunked_encryption_aes_256_gcm_test.json"
	vectorCount = 35
)

type vector struct {
	ID        int      `json:"tcId"`
	Comment   string   `json:"comment"`
	Key       string   `json:"key"`
	Context   string   `json:"ctx"`
	CT        string   `json:"ct"`
	AEADKey   string   `json:"aeadKey"`
	BaseNonce string   `json:"baseNonce"`
	MsgLength int64    `json:"msgLength"`
	MsgSHA512 string   `json:"msgSha512"`
	Result    string   `json:"result"`
	Flags     []string `json:"flags"`
}

func (v vector) has(flag string) bool { return slices.Contains(v.Flags, flag) }

func vectors(t testing.TB) []vector {
	t.Helper()
	var file struct {
		Algorithm     string `json:"algorithm"`
		NumberOfTests int    `json:"numberOfTests"`
		TestGroups    []struct {
			AEAD, SHA string
			Tests     []vector
		} `json:"testGroups"`
	}
	raw, err := fs.ReadFile(wycheproof.TestVectors, vectorFile)
	if err != nil {
		t.Fatalf("the vectors are not there: %v", err)
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	var all []vector
	for _, g := range file.TestGroups {
		if g.AEAD != "AEAD_AES_256_GCM" || g.SHA != "SHA-512" {
			t.Fatalf("group of %s with %s", g.AEAD, g.SHA)
		}
		all = append(all, g.Tests...)
	}
	if len(all) != vectorCount || file.NumberOfTests != vectorCount || file.Algorithm != "Cobblestone-256" {
		t.Fatalf("%d vectors of %s, want %d of Cobblestone-256", len(all), file.Algorithm, vectorCount)
	}
	return all
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (v vector) message(t testing.TB) []byte {
	t.Helper()
	z, err := zlib.NewReader(bytes.NewReader(unhex(t, v.CT)))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// checkPlain compares what was released with the vector: the whole message of
// a valid one, at most the authentic prefix of an invalid one.
func (v vector) checkPlain(t *testing.T, got []byte, whole bool) {
	t.Helper()
	if v.Result != "valid" && !v.has("PartialPlaintext") && len(got) > 0 {
		t.Fatalf("released %d bytes of a message without a valid chunk", len(got))
	}
	if whole || v.has("PartialPlaintext") {
		sum := sha512.Sum512(got)
		if int64(len(got)) != v.MsgLength || hex.EncodeToString(sum[:]) != v.MsgSHA512 {
			t.Fatalf("released %d bytes, want %d, or the hash differs", len(got), v.MsgLength)
		}
	}
}

func TestVectorsSequential(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Comment, func(t *testing.T) {
			r, err := NewReader(unhex(t, v.Key), unhex(t, v.Context), bytes.NewReader(v.message(t)))
			if v.has("InvalidKeySize") {
				if err == nil {
					t.Fatal("key of wrong size accepted")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			v.checkPlain(t, got, v.Result == "valid")
			if v.Result == "valid" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			for range 3 { // errors stay
				if !errors.Is(err, ErrDamaged) {
					t.Fatalf("error %v, want ErrDamaged", err)
				}
				var n int
				if n, err = r.Read(make([]byte, 10)); n != 0 {
					t.Fatal("bytes after an error")
				}
			}
		})
	}
}

func TestVectorsReaderAt(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Comment, func(t *testing.T) {
			msg := v.message(t)
			r, err := NewReaderAt(unhex(t, v.Key), unhex(t, v.Context), bytes.NewReader(msg), int64(len(msg)))
			if v.Result != "valid" && !v.has("ValidFinalChunk") {
				if err == nil {
					t.Fatal("the length was authenticated")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := make([]byte, r.Size())
			n, err := r.ReadAt(got, 0)
			if (err == nil) != (v.Result == "valid") {
				t.Fatalf("%s vector: %v", v.Result, err)
			}
			v.checkPlain(t, got[:n], v.Result == "valid")
		})
	}
}

func TestVectorsOpen(t *testing.T) {
	for _, v := range vectors(t) {
		got, err := Open(unhex(t, v.Key), unhex(t, v.Context), v.message(t))
		if (err == nil) != (v.Result == "valid") {
			t.Fatalf("%s: %v", v.Comment, err)
		}
		if err != nil && got != nil {
			t.Fatalf("%s: plaintext beside an error", v.Comment)
		}
		if err == nil {
			v.checkPlain(t, got, true)
		}
	}
}

// TestVectorsWriter seals the messages of the valid vectors again under their
// salt: the same bytes must come out, and the size that was computed.
func TestVectorsWriter(t *testing.T) {
	seen := 0
	for _, v := range vectors(t) {
		if v.Result != "valid" {
			continue
		}
		seen++
		want := v.message(t)
		if SealedSize(v.MsgLength) != int64(len(want)) {
			t.Fatalf("%s: SealedSize(%d) = %d, want %d", v.Comment, v.MsgLength, SealedSize(v.MsgLength), len(want))
		}
		if n, err := PlainSize(int64(len(want))); err != nil || n != v.MsgLength {
			t.Fatalf("%s: PlainSize = %d, %v", v.Comment, n, err)
		}
		plain, err := Open(unhex(t, v.Key), unhex(t, v.Context), want)
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []int{1 << 30, 5000, ChunkSize, 3*ChunkSize + 1} {
			s, err := newSealer(unhex(t, v.Key), unhex(t, v.Context), [saltSize]byte(want))
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			w := newWriter(s, &out)
			for rest := plain; len(rest) > 0; {
				n := min(step, len(rest))
				if _, err := w.Write(rest[:n]); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(out.Bytes(), want) {
				t.Fatalf("%s in steps of %d: other bytes than the vector", v.Comment, step)
			}
		}
	}
	if seen != 10 {
		t.Fatalf("%d valid vectors, want 10", seen)
	}
}

// TestVectorsKeySchedule checks the derived key and nonce themselves.
func TestVectorsKeySchedule(t *testing.T) {
	for _, v := range vectors(t) {
		if v.AEADKey == "" {
			continue
		}
		msg := v.message(t)
		_, base, _, err := derive(unhex(t, v.Key), msg[:saltSize], unhex(t, v.Context))
		if err != nil || hex.EncodeToString(base[:]) != v.BaseNonce {
			t.Fatalf("%s: base nonce %x, want %s (%v)", v.Comment, base, v.BaseNonce, err)
		}
	}
}
