package coffer

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestIDTextHasOneForm(t *testing.T) {
	id := ID{0x01, 0x9a, 0xff, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0xfe}
	const text = "06dfy00105083101412g2j41dzf"
	good := id.String()
	if len(good) != 26 {
		t.Fatalf("String() = %q, %d characters, want 26", good, len(good))
	}
	back, err := ParseID(good)
	if err != nil || back != id {
		t.Fatalf("ParseID(%q) = %v, %v", good, back, err)
	}
	last := good[:25] + string(base32Alphabet[strings.IndexByte(base32Alphabet, good[25])|1]) // a padding bit is set
	bad := []string{"", text, strings.ToUpper(good), good[:25], good + "0", "i" + good[1:], "l" + good[1:], "o" + good[1:],
		"u" + good[1:], " " + good[1:], good[:25] + "\x00", last, strings.Repeat("0", 26)}
	for _, s := range bad {
		if got, err := ParseID(s); err == nil {
			t.Errorf("ParseID(%q) = %v, want an error", s, got)
		} else if KindOf(err) != Invalid {
			t.Errorf("ParseID(%q): kind %v, want invalid", s, KindOf(err))
		}
	}
}

func TestBase32RoundTripAndIsCanonical(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "bytes")
		s := EncodeBase32(b)
		back, err := DecodeBase32(s)
		if err != nil || string(back) != string(b) {
			t.Fatalf("DecodeBase32(EncodeBase32(%x)) = %x, %v", b, back, err)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOfN(rapid.RuneFrom([]rune(base32Alphabet)), 0, 30, -1).Draw(t, "text")
		if b, err := DecodeBase32(s); err == nil && EncodeBase32(b) != s {
			t.Fatalf("%q decodes, but its bytes encode to %q", s, EncodeBase32(b))
		}
	})
}

func TestIDInTheDatabase(t *testing.T) {
	for _, id := range []ID{{}, NewID(), RandomID()} {
		v, err := id.Value()
		if err != nil {
			t.Fatal(err)
		}
		if (v == nil) != id.IsZero() {
			t.Errorf("Value() of %v = %v", id, v)
		}
		back := NewID()
		if err := back.Scan(v); err != nil || back != id {
			t.Errorf("Scan(Value()) = %v, %v, want %v", back, err, id)
		}
	}
	var id ID
	for _, v := range []any{[]byte("short"), "text", 7} {
		if id.Scan(v) == nil {
			t.Errorf("Scan(%v) accepted", v)
		}
	}
}

func TestNewIDsSortByTime(t *testing.T) {
	prev := NewID().String()
	for range 1000 {
		next := NewID().String()
		if next <= prev {
			t.Fatalf("%s came after %s", next, prev)
		}
		prev = next
	}
}

func TestKindOfFindsTheFirstErrorOfOurs(t *testing.T) {
	cause := errors.New("disk")
	err := &Error{Kind: Busy, Msg: "Try again.", Err: cause}
	if KindOf(errors.Join(errors.New("x"), err)) != Busy || !errors.Is(err, cause) {
		t.Error("the chain is not followed")
	}
	if KindOf(cause) != Internal {
		t.Error("a foreign error is internal")
	}
}
