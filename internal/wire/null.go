package wire

import "encoding/json"

// Null is a value of a request that may be absent (the zero Null), null, or
// there.
type Null[T any] struct {
	Sent  bool // not absent
	Value *T   // nil: null
}

// Some is a value that is there.
func Some[T any](v T) Null[T] { return Null[T]{true, &v} }

// None is null.
func None[T any]() Null[T] { return Null[T]{Sent: true} }

// Or returns the value, or what it is worth when it is null; nil when it is
// absent.
func (n Null[T]) Or(null T) *T {
	if n.Sent && n.Value == nil {
		return &null
	}
	return n.Value
}

// MarshalJSON writes null or the value.
func (n Null[T]) MarshalJSON() ([]byte, error) { return json.Marshal(n.Value) }

// UnmarshalJSON reads null or the value.
func (n *Null[T]) UnmarshalJSON(b []byte) error {
	n.Sent, n.Value = true, nil
	return json.Unmarshal(b, &n.Value)
}
