package seal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"coffer"
)

func id(n byte) coffer.ID { return coffer.ID{0: n, 15: n} }

// place is one row of the context matrix: a record type, its context, and the
// contexts with exactly one field changed.
type place struct {
	name    string
	context Context
	near    []Context
}

func places() []place {
	a, b, c, d, x := id(1), id(2), id(3), id(4), id(9)
	return []place{
		{"kek", KEK(a, 1), []Context{KEK(x, 1), KEK(a, 2)}},
		{"kek-check", KEKCheck(a, 1), []Context{KEKCheck(x, 1), KEKCheck(a, 2)}},
		{"space-key", SpaceKey(a, 1, 2), []Context{SpaceKey(x, 1, 2), SpaceKey(a, 3, 2), SpaceKey(a, 1, 3), SpaceKey(a, 2, 1)}},
		{"dek", FileKey(a, b, c, d, 1), []Context{FileKey(x, b, c, d, 1), FileKey(a, x, c, d, 1), FileKey(a, b, x, d, 1),
			FileKey(a, b, c, x, 1), FileKey(a, b, c, d, 2), FileKey(b, a, c, d, 1), FileKey(a, c, b, d, 1), FileKey(a, b, d, c, 1)}},
		{"thumbnail", Thumbnail(a, b, c, 1), []Context{Thumbnail(x, b, c, 1), Thumbnail(a, x, c, 1), Thumbnail(a, b, x, 1), Thumbnail(a, b, c, 2), Thumbnail(a, c, b, 1)}},
		{"upload", Upload(a, b, c, 1), []Context{Upload(x, b, c, 1), Upload(a, x, c, 1), Upload(a, b, x, 1), Upload(a, b, c, 2), Upload(a, c, b, 1)}},
		{"request-token", RequestToken(a, b, 1), []Context{RequestToken(x, b, 1), RequestToken(a, x, 1), RequestToken(a, b, 2), RequestToken(b, a, 1)}},
		{"request-password", RequestPassword(a, 1), []Context{RequestPassword(x, 1), RequestPassword(a, 2)}},
		{"content", Content(a, 1), []Context{Content(x, 1), Content(a, 2), Content(a, 1<<24)}},
		{"secret", Secret(a, 1, "smtp"), []Context{Secret(x, 1, "smtp"), Secret(a, 2, "smtp"), Secret(a, 1, "smtq"), Secret(a, 1, "smtp\x00"), Secret(a, 1, "")}},
		{"mail", Mail(a, b, 1), []Context{Mail(x, b, 1), Mail(a, x, 1), Mail(a, b, 2), Mail(b, a, 1)}},
		{"pwhash", PasswordHash(a, 1), []Context{PasswordHash(x, 1), PasswordHash(a, 2)}},
		{"link-pwhash", LinkPassword(a, 1), []Context{LinkPassword(x, 1), LinkPassword(a, 2)}},
		{"link-token", LinkToken(a, b, 1), []Context{LinkToken(x, b, 1), LinkToken(a, x, 1), LinkToken(b, a, 1), LinkToken(a, b, 2)}},
	}
}

// TestContextMatrix opens every record type under every other label and with
// each field changed: only its own place may open it.
func TestContextMatrix(t *testing.T) {
	k := NewKey()
	all := places()
	for _, p := range all {
		sealed := Seal(k, p.context, []byte("secret"))
		if got, err := Open(k, p.context, sealed); err != nil || string(got) != "secret" {
			t.Fatalf("%s does not open in its own place: %v", p.name, err)
		}
		refuse := func(what string, key Key, c Context) {
			t.Helper()
			if got, err := Open(key, c, sealed); err == nil || got != nil || coffer.KindOf(err) != coffer.Corrupt {
				t.Errorf("%s opened %s: %q, %v", p.name, what, got, err)
			}
		}
		for i, c := range p.near {
			refuse(fmt.Sprint("with changed field, row ", i), k, c)
		}
		for _, q := range all {
			if q.name != p.name {
				refuse("as "+q.name, k, q.context)
				for _, c := range q.near {
					refuse("as another "+q.name, k, c)
				}
				// The same fields under another label, byte by byte.
				fields := p.context.b[len(prefix)+len(p.name)+1:]
				refuse("relabelled as "+q.name, k, Context{append(context(q.name).b, fields...)})
			}
		}
		refuse("under another key", NewKey(), p.context)
	}
}

// TestContextEncoding pins the bytes: they are a stored format.
func TestContextEncoding(t *testing.T) {
	a, b, c, d := id(1), id(2), id(3), id(4)
	h := func(n byte) string { return fmt.Sprintf("%02x%028x%02x", n, 0, n) }
	for label, row := range map[string]struct {
		c      Context
		fields string
	}{
		"kek":       {KEK(a, 7), h(1) + "00000007"},
		"kek-check": {KEKCheck(a, 7), h(1) + "00000007"},
		"space-key": {SpaceKey(a, 5, 7), h(1) + "0000000500000007"},
		"dek":       {FileKey(a, b, c, d, 5), h(1) + h(2) + h(3) + h(4) + "00000005"},
		"thumbnail": {Thumbnail(a, b, c, 5), h(1) + h(2) + h(3) + "00000005"},
		"upload":    {Upload(a, b, c, 5), h(1) + h(2) + h(3) + "00000005"},
		"content":   {Content(a, 0x01020304), h(1) + "01020304"},
		"secret":    {Secret(a, 7, "smtp"), h(1) + "00000007" + "736d7470"},
		"mail":      {Mail(a, b, 7), h(1) + h(2) + "00000007"},
		"pwhash":    {PasswordHash(a, 7), h(1) + "00000007"},

		"link-pwhash": {LinkPassword(a, 7), h(1) + "00000007"},
		"link-token":  {LinkToken(a, b, 7), h(1) + h(2) + "00000007"},
	} {
		if want := hex.EncodeToString([]byte("coffer/v1/"+label+"\x00")) + row.fields; hex.EncodeToString(row.c.b) != want {
			t.Errorf("%s: %x, want %s", label, row.c.b, want)
		}
	}
}

func TestRecordDamage(t *testing.T) {
	k, c := NewKey(), Mail(id(1), id(2), 1)
	sealed := Seal(k, c, []byte("body"))
	if len(sealed) != 4+Overhead || Overhead != 73 {
		t.Fatalf("%d bytes sealed, overhead %d", len(sealed), Overhead)
	}
	for i := range sealed {
		for bit := range 8 {
			spoiled := bytes.Clone(sealed)
			spoiled[i] ^= 1 << bit
			if _, err := Open(k, c, spoiled); coffer.KindOf(err) != coffer.Corrupt {
				t.Fatalf("byte %d bit %d flipped: %v", i, bit, err)
			}
		}
		if _, err := Open(k, c, sealed[:i]); coffer.KindOf(err) != coffer.Corrupt {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
	if _, err := Open(k, c, append(bytes.Clone(sealed), 0)); err == nil {
		t.Fatal("a longer record opened")
	}
	if _, err := Open(k, c, make([]byte, 2<<20)); err == nil {
		t.Fatal("a record over 1 MiB opened")
	}
	big := bytes.Repeat([]byte("x"), maxRecord)
	if got, err := Open(k, c, Seal(k, c, big)); err != nil || !bytes.Equal(got, big) {
		t.Fatalf("1 MiB: %v", err)
	}
}

func testDEK() DEK {
	d := DEK{Key: NewKey(), PartLog: 23, Size: 12345, Digest: FileSHA256}
	d.Sum[0], d.Sum[31] = 1, 2
	return d
}

func TestDEK(t *testing.T) {
	sk, place := NewKey(), FileKey(id(1), id(2), id(3), id(4), 1)
	none := testDEK()
	none.Digest, none.Sum, none.Size = NoDigest, [32]byte{}, 0
	for _, d := range []DEK{testDEK(), none, {Key: NewKey(), PartLog: 32, Size: MaxParts << 32}} {
		sealed := SealDEK(sk, place, d)
		if len(sealed) != 149 || SealedDEKSize != 149 {
			t.Fatalf("sealed record of %d bytes", len(sealed))
		}
		got, err := OpenDEK(sk, place, sealed)
		if err != nil || !bytes.Equal(got.encode(), d.encode()) {
			t.Fatalf("%+v came back as %+v, %v", d, got, err)
		}
	}
	// The bytes are a stored format.
	d := testDEK()
	d.Key, _ = ParseKey(bytes.Repeat([]byte{0xaa}, 32))
	want := "01021700" + "0000000000003039" + strings.Repeat("aa", 32) + "01" + strings.Repeat("00", 30) + "02"
	if got := hex.EncodeToString(d.encode()); got != want {
		t.Fatalf("record %s, want %s", got, want)
	}
	// An upload may have no size yet, a file must have one.
	d.Size = UnknownSize
	up := Upload(id(1), id(2), id(4), 1)
	sealed := SealUpload(sk, up, d)
	if got, err := OpenUpload(sk, up, sealed); err != nil || got.Size != UnknownSize {
		t.Fatalf("upload of unknown size: %+v, %v", got, err)
	}
	if _, err := OpenDEK(sk, up, sealed); coffer.KindOf(err) != coffer.Corrupt {
		t.Fatalf("an unknown size passed as finished: %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Fatal("a file key without size was sealed")
		}
	}()
	SealDEK(sk, place, d)
}

func TestDEKIsStrict(t *testing.T) {
	good := testDEK().encode()
	for what, spoil := range map[string]func(b []byte) []byte{
		"version 0":             func(b []byte) []byte { b[0] = 0; return b },
		"version 2":             func(b []byte) []byte { b[0] = 2; return b },
		"both digests":          func(b []byte) []byte { b[1] = 3; return b },
		"unknown flag":          func(b []byte) []byte { b[1] = 0x82; return b },
		"sum without digest":    func(b []byte) []byte { b[1] = 0; return b },
		"small parts":           func(b []byte) []byte { b[2] = 22; return b },
		"big parts":             func(b []byte) []byte { b[2] = 33; return b },
		"reserved byte":         func(b []byte) []byte { b[3] = 1; return b },
		"too many parts":        func(b []byte) []byte { copy(b[4:], []byte{0, 0, 0, 0x13, 0x88, 0, 0, 1}); return b },
		"size over 63 bits":     func(b []byte) []byte { b[4] = 0x80; return b },
		"unknown size, at last": func(b []byte) []byte { copy(b[4:], bytes.Repeat([]byte{0xff}, 8)); return b },
		"short":                 func(b []byte) []byte { return b[:75] },
		"long":                  func(b []byte) []byte { return append(b, 0) },
		"empty":                 func([]byte) []byte { return nil },
	} {
		if _, err := parseDEK(spoil(bytes.Clone(good)), false); err == nil {
			t.Errorf("%s was accepted", what)
		}
	}
}

func TestSpaceKey(t *testing.T) {
	kek, sk := NewKey(), NewKey()
	sealed := Seal(kek, SpaceKey(id(1), 1, 1), sk.Bytes())
	if len(sealed) != 105 {
		t.Fatalf("a wrapped key has %d bytes, want 105", len(sealed))
	}
	got, err := OpenSpaceKey(kek, id(1), 1, 1, sealed)
	if err != nil || !bytes.Equal(got.Bytes(), sk.Bytes()) {
		t.Fatal(err)
	}
	short := Seal(kek, SpaceKey(id(1), 1, 1), sk.Bytes()[:31])
	if _, err := OpenSpaceKey(kek, id(1), 1, 1, short); coffer.KindOf(err) != coffer.Corrupt {
		t.Fatalf("a key of 31 bytes: %v", err)
	}
}

// TestKeysDoNotLeak prints and encodes keys in every way, bare and inside
// other values.
func TestKeysDoNotLeak(t *testing.T) {
	k, _ := ParseKey([]byte("THE-SECRET-KEY-OF-32-BYTES-LONG!"))
	secretBytes := strings.Trim(fmt.Sprint([]byte("THE-SECRET")), "[]")
	type hidden struct {
		k   Key
		dek DEK
		p   *Key
		m   map[string]Key
		s   []Key
	}
	nested := hidden{k, DEK{Key: k}, &k, map[string]Key{"a": k}, []Key{k}}
	var out bytes.Buffer
	for _, v := range []any{k, &k, nested, &nested, nested.dek, nested.m, nested.s, [1]Key{k}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d", "%T"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		fmt.Fprintln(&out, v)
		j, _ := json.Marshal(v)
		out.Write(j)
		for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(h).Info("m", "key", v)
		}
	}
	text := out.String()
	for _, leak := range []string{"THE-SECRET", hex.EncodeToString([]byte("THE-SECRET")), strings.ToUpper(hex.EncodeToString([]byte("THE-SECRET"))), secretBytes, "VEhFLVNFQ1JFV"} {
		if strings.Contains(text, leak) {
			t.Errorf("a key leaks as %q", leak)
		}
	}
	if _, err := k.MarshalText(); err == nil {
		t.Error("a key can be marshalled")
	}
	c := k
	c.Clear()
	if !bytes.Equal(k.Bytes(), make([]byte, 32)) {
		t.Error("Clear leaves bytes behind")
	}
}

func TestDerive(t *testing.T) {
	k := NewKey()
	a, b := k.Derive("coffer/v1/mac/a"), k.Derive("coffer/v1/mac/b")
	if len(a) != 32 || bytes.Equal(a, b) || !bytes.Equal(a, k.Derive("coffer/v1/mac/a")) || bytes.Equal(a, NewKey().Derive("coffer/v1/mac/a")) {
		t.Fatal("derived keys are not bound to key and info")
	}
}

// FuzzContextIsInjective builds two contexts from arbitrary fields: equal
// bytes only for equal fields.
func FuzzContextIsInjective(f *testing.F) {
	f.Add(uint8(0), uint8(1), []byte("0123456789abcdef0123456789abcdef0123"), []byte("0123456789abcdef0123456789abcdef0123"))
	f.Add(uint8(6), uint8(6), []byte("aaaaaaaaaaaaaaaa0001smtp"), []byte("aaaaaaaaaaaaaaaa0001smtp\x00"))
	f.Fuzz(func(t *testing.T, i, j uint8, x, y []byte) {
		build := func(n uint8, raw []byte) (string, Context) {
			next := func() (v coffer.ID) { raw = raw[copy(v[:], raw):]; return v }
			num := func() uint32 {
				var v [4]byte
				raw = raw[copy(v[:], raw):]
				return uint32(v[0])<<24 | uint32(v[1])<<16 | uint32(v[2])<<8 | uint32(v[3])
			}
			a, b, c, d, p, q := next(), next(), next(), next(), num(), num()
			s := string(raw)
			switch n % 9 {
			case 0:
				return fmt.Sprintf("kek %x %x", a, p), KEK(a, p)
			case 1:
				return fmt.Sprintf("check %x %x", a, p), KEKCheck(a, p)
			case 2:
				return fmt.Sprintf("sk %x %x %x", a, p, q), SpaceKey(a, p, q)
			case 3:
				return fmt.Sprintf("dek %x %x %x %x %x", a, b, c, d, p), FileKey(a, b, c, d, p)
			case 4:
				return fmt.Sprintf("up %x %x %x %x", a, b, c, p), Upload(a, b, c, p)
			case 5:
				return fmt.Sprintf("content %x %x", a, p), Content(a, p)
			case 6:
				return fmt.Sprintf("secret%v %d %q", a, p, s), Secret(a, p, s)
			case 7:
				return fmt.Sprintf("mail %x %x %x", a, b, p), Mail(a, b, p)
			default:
				return fmt.Sprintf("pw %x %x", a, p), PasswordHash(a, p)
			}
		}
		mx, cx := build(i, x)
		my, cy := build(j, y)
		if (mx == my) != bytes.Equal(cx.b, cy.b) {
			t.Fatalf("%s and %s encode as %x and %x", mx, my, cx.b, cy.b)
		}
	})
}

// FuzzParseDEK: what parses is written back as the same bytes, and nothing panics.
func FuzzParseDEK(f *testing.F) {
	f.Add(testDEK().encode(), false)
	f.Add(append([]byte{1, 0, 26, 0}, bytes.Repeat([]byte{0xff}, 72)...), true)
	f.Fuzz(func(t *testing.T, b []byte, unfinished bool) {
		d, err := parseDEK(b, unfinished)
		if err == nil && !bytes.Equal(d.encode(), b) {
			t.Fatalf("%x became %x", b, d.encode())
		}
		if _, err := Open(NewKey(), Context{b}, b); err == nil {
			t.Fatal("opened")
		}
	})
}
