package preview

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode/utf32"
	"pgregory.net/rapid"
)

func TestToUTF8(t *testing.T) {
	rows := []struct {
		name, in, want string
		cut            bool
	}{
		{"ASCII", "abc\r\n", "abc\r\n", false},
		{"UTF-8", "Grüße", "Grüße", false},
		{"UTF-8 with mark", "\xEF\xBB\xBFGrüße", "Grüße", false},
		{"only a mark", "\xEF\xBB\xBF", "", false},
		{"UTF-16 little", "\xFF\xFEG\x00r\x00\xFC\x00", "Grü", false},
		{"UTF-16 big", "\xFE\xFF\x00G\x00r\x00\xFC", "Grü", false},
		{"UTF-16 with half a unit", "\xFF\xFEG\x00r", "G", true},
		{"UTF-16, a pair and half a one", "\xFF\xFE\x3D\xD8\x00\xDE\x3D\xD8", "😀\uFFFD", false},
		{"UTF-32 little", "\xFF\xFE\x00\x00G\x00\x00\x00\x00\xF6\x01\x00", "G😀", false},
		{"UTF-32 big", "\x00\x00\xFE\xFF\x00\x00\x00G\x00\x01\xF6\x00", "G😀", false},
		{"UTF-32 with half a unit", "\xFF\xFE\x00\x00G\x00\x00\x00r\x00", "G", true},
		{"Windows-1252", "Gr\xFC\xDFe \x80", "Grüße €", false},
		{"one letter", "caf\xE9", "café", false},
		{"cut in a rune", "Grü"[:3], "Gr", true},
		{"cut in a rune of four", "ab😀"[:5], "ab", true},
		{"not cut, broken end", "Gr\xC3", "GrÃ", false},
		{"UTF-8 with a broken place", "Grüße aus Köln, Düsseldorf, Münster, Lübeck, Görlitz, Füssen und Würzburg \xFF.", "Grüße aus Köln, Düsseldorf, Münster, Lübeck, Görlitz, Füssen und Würzburg \uFFFD.", false},
		{"colours of a terminal", "\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m", false},
		{"empty", "", "", false},
	}
	for _, row := range rows {
		if got := string(ToUTF8([]byte(row.in), row.cut)); got != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
}

func TestToUTF8IsUTF8(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SliceOf(rapid.Byte()).Draw(t, "in")
		before := bytes.Clone(in)
		if out := ToUTF8(in, rapid.Bool().Draw(t, "cut")); !utf8.Valid(out) || !bytes.Equal(in, before) {
			t.Fatalf("%q -> %q", in, out)
		}
	})
}

// TestEncodings: a letter in each language that people may have written in an
// encoding of their own.
func TestEncodings(t *testing.T) {
	const (
		japaneseText = "契約書の最終版を添付します。ご確認ください。署名は金曜日までにお願いします。"
		russian      = "Окончательная версия договора во вложении. Проверьте, пожалуйста, до пятницы."
		greek        = "Η τελική έκδοση της σύμβασης επισυνάπτεται. Παρακαλώ ελέγξτε την έως την Παρασκευή."
		german       = "Die endgültige Fassung des Vertrags hängt an. Bitte bis Freitag prüfen, schöne Grüße aus Köln."
		french       = "La version définitive du contrat est jointe. Merci de la vérifier d’ici là. À bientôt, Noël"
		swedish      = "Här är den slutgiltiga versionen av avtalet. Vänligen granska före fredag. Hälsningar, Åsa"
		danish       = "Her er den endelige udgave af aftalen. Gennemgå den venligst før fredag. Mange hilsner, Søren Ærø"
		spanish      = "Adjunto la versión definitiva del contrato. ¿Podría revisarla mañana? Un saludo, Íñigo"
	)
	rows := []struct {
		name     string
		encoding encoding.Encoding
		text     string
	}{
		{"Shift_JIS", japanese.ShiftJIS, japaneseText},
		{"EUC-JP", japanese.EUCJP, japaneseText},
		{"ISO-2022-JP", japanese.ISO2022JP, japaneseText},
		{"GBK", simplifiedchinese.GBK, "请查收附件中的合同最终版，请在星期五之前确认，谢谢。"},
		{"Big5", traditionalchinese.Big5, "請查收附件中的合約最終版，請在星期五之前確認，謝謝。"},
		{"EUC-KR", korean.EUCKR, "첨부된 계약서 최종본을 금요일까지 확인해 주세요."},
		{"Windows-1251", charmap.Windows1251, russian},
		{"Windows-1251, two words", charmap.Windows1251, "Привет, мир"},
		{"KOI8-R", charmap.KOI8R, russian},
		{"Windows-1253", charmap.Windows1253, greek},
		{"Windows-1255", charmap.Windows1255, "הגרסה הסופית של החוזה מצורפת. אנא בדקו עד יום שישי."},
		{"Windows-874", charmap.Windows874, "สัญญาฉบับสุดท้ายแนบมาด้วย กรุณาตรวจสอบภายในวันศุกร์"},
		{"UTF-32", utf32.UTF32(utf32.BigEndian, utf32.UseBOM), russian},
		{"German", charmap.Windows1252, german},
		{"French", charmap.Windows1252, french},
		{"Swedish", charmap.Windows1252, swedish},
		{"Danish", charmap.Windows1252, danish},
		{"Spanish", charmap.Windows1252, spanish},
		{"prices", charmap.Windows1252, "Tea: 5 € — “as agreed”, coffee: £4"},
		{"code", charmap.Windows1252, "package main\n\n// Grüße\nfunc main() { println(\"hello\") }\n"},
	}
	for _, row := range rows {
		for _, times := range []int{1, 2000} { // as a note, and longer than is looked at
			text := strings.Repeat(row.text+"\n", times)
			raw, err := row.encoding.NewEncoder().Bytes([]byte(text))
			if err != nil {
				t.Fatal(row.name, err)
			}
			if got := string(ToUTF8(raw, false)); got != text {
				t.Errorf("%s, %d times: %.120q", row.name, times, got)
			}
		}
	}
}

// TestGuessIsQuick: whatever is sent, telling its encoding takes little time.
func TestGuessIsQuick(t *testing.T) {
	for name, unit := range map[string]string{"high bytes": "\x81\x8D\x8F\x90\x9D", "escapes": "\xFF\x1b$", "one": "\xFF", "pairs": "\xC2\xA0\xFF"} {
		start := time.Now()
		ToUTF8([]byte(strings.Repeat(unit, TextLimit/len(unit))), true)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: %v", name, took)
		}
	}
}
