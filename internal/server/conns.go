package server

import (
	"container/list"
	"net"
	"net/http"
	"sync"
)

// A connection costs some 30 KiB; so many take an eighth of the memory.
const (
	connMemory       = 256 << 10
	leastConnections = 512
	mostConnections  = 4096 // and where no limit of the memory is known
)

func connections(memory int64) int {
	if memory == 0 {
		return mostConnections
	}
	return int(min(max(memory/connMemory, leastConnections), mostConnections))
}

// conns bounds the open connections. Where there are too many, the one goes that
// has been silent for longest: it waits between two requests, or has not sent
// the headers of one. Who opens thousands and lets headers trickle so pushes out
// their own: others send theirs in one go and are not silent. Requests that
// run, slow transfers among them, are left alone.
type conns struct {
	most int

	mu     sync.Mutex
	open   int
	silent list.List // of net.Conn, longest first
	at     map[net.Conn]*list.Element
}

// state is the http.Server's ConnState. net/http tells that a connection is
// active once it has the headers of a request.
func (c *conns) state(conn net.Conn, s http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.at[conn]; e != nil {
		c.silent.Remove(e)
		delete(c.at, conn)
	}
	switch s {
	case http.StateNew:
		c.open++
		c.listen(conn)
	case http.StateIdle:
		c.listen(conn)
	case http.StateClosed, http.StateHijacked:
		c.open--
	}
	if s == http.StateNew && c.open > c.most {
		oldest := c.silent.Remove(c.silent.Front()).(net.Conn)
		delete(c.at, oldest)
		_ = oldest.Close() // net/http tells when it has noticed
	}
}

func (c *conns) listen(conn net.Conn) {
	if c.at == nil {
		c.at = map[net.Conn]*list.Element{}
	}
	c.at[conn] = c.silent.PushBack(conn)
}
