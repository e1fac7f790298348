package preview

import (
	"bytes"
	"unicode/utf8"

	"github.com/wlynxg/chardet"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// TextLimit is how much of a text is shown.
const TextLimit = 1 << 20

const (
	guessLimit = 64 << 10 // how much of it is looked at to tell its encoding
	sure       = 0.65     // German was taken for Hebrew with 0.51, a Korean greeting for Korean with 0.67
)

// marks are how texts of some encodings begin. That of UTF-32 begins with that
// of UTF-16, and comes first.
var marks = []struct {
	mark     string
	unit     int // bytes
	encoding encoding.Encoding
}{
	{"\xFF\xFE\x00\x00", 4, utf32.UTF32(utf32.LittleEndian, utf32.UseBOM)},
	{"\x00\x00\xFE\xFF", 4, utf32.UTF32(utf32.BigEndian, utf32.UseBOM)},
	{"\xFF\xFE", 2, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)},
	{"\xFE\xFF", 2, unicode.UTF16(unicode.BigEndian, unicode.UseBOM)},
}

// guessed are encodings that can be told by how their letters follow each
// other. What is not here is Windows-1252: its neighbours for other languages in
// Latin letters differ in too few of them.
var guessed = map[string]encoding.Encoding{
	"Shift_JIS": japanese.ShiftJIS, "EUC-JP": japanese.EUCJP,
	"GB2312": simplifiedchinese.GB18030, "GB18030": simplifiedchinese.GB18030, "Big5": traditionalchinese.Big5,
	"EUC-KR":       korean.EUCKR,
	"Windows-1251": charmap.Windows1251, "KOI8-R": charmap.KOI8R, "ISO-8859-5": charmap.ISO8859_5, "IBM866": charmap.CodePage866,
	"ISO-8859-7": charmap.ISO8859_7, "Windows-1253": charmap.Windows1253,
	"Windows-1255": charmap.Windows1255, "TIS-620": charmap.Windows874,
}

// ToUTF8 reads text of the encodings that files have in practice: what its mark
// says, else UTF-8 if it is that (but for some broken places), else what it most
// likely is, else Windows-1252. A rune that the cut at TextLimit halved is left
// out.
func ToUTF8(b []byte, cut bool) []byte {
	for _, m := range marks {
		if bytes.HasPrefix(b, []byte(m.mark)) {
			return decode(m.encoding, b[:len(b)/m.unit*m.unit])
		}
	}
	b = bytes.TrimPrefix(b, []byte("\xEF\xBB\xBF"))
	whole := b
	for i := 0; cut && i < utf8.UTFMax-1 && len(whole) > 0; i++ {
		if r, n := utf8.DecodeLastRune(whole); r != utf8.RuneError || n > 1 {
			break
		}
		whole = whole[:len(whole)-1]
	}
	switch {
	case bytes.Contains(b, []byte("\x1b$B")): // seven bits, so it looks like ASCII
		return decode(japanese.ISO2022JP, b)
	case utf8.Valid(whole):
		return whole
	case nearlyUTF8(whole):
		return bytes.ToValidUTF8(whole, []byte("\uFFFD"))
	}
	out := decode(guess(b[:min(len(b), guessLimit)]), b)
	if cut {
		out = bytes.TrimSuffix(out, []byte("\uFFFD"))
	}
	return out
}

func decode(e encoding.Encoding, b []byte) []byte {
	out, err := e.NewDecoder().Bytes(b)
	if err != nil { // these decoders replace, they do not fail
		return bytes.ToValidUTF8(b, []byte("\uFFFD"))
	}
	return out
}

// nearlyUTF8 reports that text is UTF-8 with a few bytes that are not: letters
// of other encodings hardly ever come out as whole runes.
func nearlyUTF8(b []byte) bool {
	good, bad := 0, 0
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && n == 1:
			bad++
		case n > 1:
			good++
		}
		b = b[n:]
	}
	return good >= 4*bad
}

// guess tells the encoding of text that is not UTF-8.
func guess(b []byte) (e encoding.Encoding) {
	defer func() {
		if recover() != nil { // it reads what anybody has sent
			e = charmap.Windows1252
		}
	}()
	r := chardet.Detect(b)
	if known, ok := guessed[r.Charset]; ok && r.Confidence >= sure {
		return known
	}
	return charmap.Windows1252
}
