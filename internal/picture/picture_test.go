package picture_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"io"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"

	"coffer/internal/picture"
)

func maker(o picture.Options) *picture.Maker {
	o.Memory = semaphore.NewWeighted(1)
	return picture.NewMaker(o)
}

func small(t testing.TB, b []byte, edge int) (image.Image, error) {
	t.Helper()
	out, err := maker(picture.Options{}).Small(t.Context(), bytes.NewReader(b), int64(len(b)), edge)
	if err != nil {
		return nil, err
	}
	m, err := jpeg.Decode(bytes.NewReader(out))
	if err != nil {
		t.Fatalf("the answer is no JPEG: %v", err)
	}
	return m, nil
}

// near reports that a colour is one that JPEG may have made of another.
func near(a, b color.Color) bool {
	const most = 40
	ar, ag, ab, _ := a.RGBA()
	br, bg, bb, _ := b.RGBA()
	off := func(x, y uint32) bool { return max(x, y)>>8-min(x, y)>>8 > most }
	return !off(ar, br) && !off(ag, bg) && !off(ab, bb)
}

// seen checks the middle of each quarter: above left and right, below left and
// right.
func seen(t *testing.T, m image.Image, want [4]color.Color) {
	t.Helper()
	b := m.Bounds()
	for i, c := range want {
		x, y := b.Min.X+b.Dx()*(1+i%2*2)/4, b.Min.Y+b.Dy()*(1+i/2*2)/4
		if got := m.At(x, y); !near(got, c) {
			t.Errorf("at %d,%d: %v, want %v", x, y, got, c)
		}
	}
}

var fourColours = [4]color.Color{red, green, blue, yellow}

// TestKinds: each kind of picture becomes a small one that looks like it.
func TestKinds(t *testing.T) {
	palette := color.Palette{red, green, blue, yellow}
	grey := func(c color.RGBA) color.Color { return color.GrayModel.Convert(c) }
	greys := [4]color.Color{grey(red), grey(green), grey(blue), grey(yellow)}
	through := rgba(60, 40)
	corners(through)
	for y := 20; y < 40; y++ {
		for x := 30; x < 60; x++ {
			through.Set(x, y, color.RGBA{})
		}
	}
	var one bytes.Buffer
	if err := gif.Encode(&one, corners(image.NewPaletted(image.Rect(0, 0, 600, 400), palette)), nil); err != nil {
		t.Fatal(err)
	}
	flat := func(c color.Color) [4]color.Color { return [4]color.Color{c, c, c, c} }
	rows := []struct {
		name string
		in   []byte
		w, h int // of a small one of 30
		want [4]color.Color
	}{
		{"PNG", pngOf(corners(rgba(600, 400))), 30, 20, fourColours},
		{"PNG, upright", pngOf(corners(rgba(400, 600))), 20, 30, fourColours},
		{"PNG, palette", pngOf(corners(image.NewPaletted(image.Rect(0, 0, 60, 40), palette))), 30, 20, fourColours},
		{"PNG, 16 bit", pngOf(corners(image.NewRGBA64(image.Rect(0, 0, 60, 40)))), 30, 20, fourColours},
		{"PNG, 16 bit with alpha", pngOf(corners(image.NewNRGBA64(image.Rect(0, 0, 60, 40)))), 30, 20, fourColours},
		{"PNG, grey", pngOf(corners(image.NewGray(image.Rect(0, 0, 60, 40)))), 30, 20, greys},
		{"PNG, grey, 16 bit", pngOf(corners(image.NewGray16(image.Rect(0, 0, 60, 40)))), 30, 20, greys},
		{"PNG that lets through", pngOf(through), 30, 20, [4]color.Color{red, green, blue, color.White}},
		{"PNG, smaller than that", pngOf(corners(rgba(12, 8))), 12, 8, fourColours},
		{"PNG, 1 x 1", pngOf(corners(rgba(1, 1))), 1, 1, flat(yellow)},
		{"PNG, a line", pngOf(corners(rgba(3000, 2))), 30, 1, [4]color.Color{color.RGBA{120, 20, 120, 255}, color.RGBA{125, 200, 20, 255}, color.RGBA{120, 20, 120, 255}, color.RGBA{125, 200, 20, 255}}},
		{"PNG, odd sizes", pngOf(corners(rgba(601, 403))), 30, 20, fourColours},
		{"JPEG", jpegOf(corners(rgba(600, 400))), 30, 20, fourColours},
		{"JPEG, grey", jpegOf(corners(image.NewGray(image.Rect(0, 0, 600, 400)))), 30, 20, greys},
		{"JPEG, progressive", rawJPEG{w: 600, h: 400, progressive: true, samples: []byte{90}}.bytes(), 30, 20, flat(color.Gray{90})},
		{"JPEG, progressive in colour", rawJPEG{w: 600, h: 400, progressive: true, samples: []byte{100, 200, 60}}.bytes(), 30, 20, flat(color.YCbCr{100, 200, 60})},
		{"JPEG, CMYK", rawJPEG{w: 600, h: 400, adobe: true, samples: []byte{255, 155, 55, 205}}.bytes(), 30, 20, flat(color.CMYK{0, 100, 200, 50})},
		{"JPEG, CMYK, progressive", rawJPEG{w: 600, h: 400, adobe: true, progressive: true, samples: []byte{255, 155, 55, 205}}.bytes(), 30, 20, flat(color.CMYK{0, 100, 200, 50})},
		{"GIF", one.Bytes(), 30, 20, fourColours},
		{"GIF that moves", animated(600, 400), 30, 20, fourColours},
		{"WebP", fromBase64(lossyWebP), 30, 23, fourColours},
		{"WebP, lossless", fromBase64(losslessWebP), 30, 23, fourColours},
		{"WebP that lets through", fromBase64(seeThroughWebP), 30, 23, [4]color.Color{red, green, blue, color.White}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			m, err := small(t, r.in, 30)
			if err != nil {
				t.Fatal(err)
			}
			if b := m.Bounds(); b.Dx() != r.w || b.Dy() != r.h {
				t.Errorf("it is %d x %d, not %d x %d", b.Dx(), b.Dy(), r.w, r.h)
			}
			seen(t, m, r.want)
		})
	}
}

// TestOrientation: the eight ways to hold a camera, as EXIF numbers them. The
// picture that is stored has red, green, blue, yellow in its corners.
func TestOrientation(t *testing.T) {
	r, g, b, y := color.Color(red), color.Color(green), color.Color(blue), color.Color(yellow)
	wants := map[uint16][4]color.Color{
		0: {r, g, b, y}, // none of the eight: as it lies
		1: {r, g, b, y},
		2: {g, r, y, b}, // mirrored
		3: {y, b, g, r}, // half a turn
		4: {b, y, r, g}, // upside down, mirrored
		5: {r, b, g, y}, // mirrored at the diagonal
		6: {b, r, y, g}, // a quarter turn to the right
		7: {y, g, b, r}, // mirrored at the other diagonal
		8: {g, y, r, b}, // a quarter turn to the left
		9: {r, g, b, y},
	}
	jpg := jpegOf(corners(rgba(600, 400)))
	for n, want := range wants {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			m, err := small(t, exif(jpg, n), 60)
			if err != nil {
				t.Fatal(err)
			}
			w, h := 60, 40
			if n >= 5 && n <= 8 {
				w, h = h, w
			}
			if m.Bounds().Dx() != w || m.Bounds().Dy() != h {
				t.Errorf("it is %v", m.Bounds())
			}
			seen(t, m, want)
		})
	}
}

// TestNothingStays: metadata of the file is in no small picture.
func TestNothingStays(t *testing.T) {
	secret := []byte("taken at 59.3 N 18.1 E")
	jpg := jpegOf(corners(rgba(60, 40)))
	with := append(append(append([]byte{}, jpg[:2]...), 0xff, 0xfe, 0, byte(len(secret)+2)), append(secret, jpg[2:]...)...)
	p := pngOf(corners(rgba(60, 40)))
	text := append(append(append([]byte{}, p[:33]...), chunk("tEXt", append([]byte("Comment\x00"), secret...))...), p[33:]...)
	for name, b := range map[string][]byte{"JPEG": exif(with, 6), "PNG": text} {
		if !bytes.Contains(b, secret) {
			t.Fatal("it is not even in the file")
		}
		out, err := maker(picture.Options{}).Small(t.Context(), bytes.NewReader(b), int64(len(b)), 60)
		if err != nil || bytes.Contains(out, secret) || bytes.Contains(out, []byte("Exif")) {
			t.Errorf("%s: %v, %q", name, err, out)
		}
	}
}

// TestRefused: what is no picture, a broken or a too large one is told apart,
// and costs next to nothing.
func TestRefused(t *testing.T) {
	whole := pngOf(corners(rgba(600, 400)))
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 0x40
	jpg := jpegOf(corners(rgba(600, 400)))
	webp := fromBase64(lossyWebP)
	claims := bytes.Clone(webp)
	claims[6], claims[18] = 0xc0, 0xb0 // a chunk of 11 MB, in a file that has it
	rows := []struct {
		name string
		in   []byte
		want error
	}{
		{"nothing", nil, picture.ErrKind},
		{"text", []byte("no picture at all, but some text that is long enough"), picture.ErrKind},
		{"an SVG", []byte("<svg xmlns='http://www.w3.org/2000/svg'/>"), picture.ErrKind},
		{"only a magic number", []byte("\x89PNG\r\n\x1a\n"), picture.ErrBad},
		{"only the beginning of a JPEG", []byte("\xff\xd8\xff\xe0"), picture.ErrBad},
		{"a JPEG full of nothing", append([]byte("\xff\xd8\xff"), make([]byte, 1<<20)...), picture.ErrBad},
		{"a GIF without a frame", []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"), picture.ErrBad},
		{"a RIFF of something else", []byte("RIFF\x10\x00\x00\x00WAVEfmt \x00\x00\x00\x00"), picture.ErrKind},
		{"a cut PNG", whole[:len(whole)/2], picture.ErrBad},
		{"a PNG with a bit turned", flipped, picture.ErrBad},
		{"a JPEG cut in its header", jpg[:100], picture.ErrBad},
		{"a cut WebP", webp[:len(webp)/2], picture.ErrBad},
		{"a WebP that claims too much", claims, picture.ErrBad},
		{"an empty PNG", hugePNG(0, 0, 8, 6, 0), picture.ErrBad},

		{"PNG, 65,535 x 65,535", hugePNG(65535, 65535, 8, 6, 0), picture.ErrLarge},
		{"PNG, 2^31-1 wide", hugePNG(1<<31-1, 1, 8, 6, 0), picture.ErrLarge},
		{"PNG, 1 bit for a pixel", hugePNG(60000, 60000, 1, 0, 0), picture.ErrLarge},
		{"PNG, a palette", hugePNG(20000, 20000, 1, 3, 0), picture.ErrLarge},
		{"PNG, 12 megapixels of 16 bit", hugePNG(4000, 3000, 16, 6, 0), picture.ErrLarge},
		{"PNG, 12 megapixels, interlaced", hugePNG(4000, 3000, 8, 6, 1), picture.ErrLarge},
		{"PNG, 12 megapixels: not too large", hugePNG(4000, 3000, 8, 6, 0), picture.ErrBad},
		{"JPEG, 65,535 x 65,535", rawJPEG{w: 65535, h: 65535, samples: []byte{0}}.header(), picture.ErrLarge},
		{"JPEG, 12 megapixels, progressive in full colour", rawJPEG{w: 4000, h: 3000, progressive: true, samples: []byte{0, 0, 0}}.header(), picture.ErrLarge},
		{"JPEG, 12 megapixels, progressive in half the colour", rawJPEG{w: 4000, h: 3000, progressive: true, halved: true, samples: []byte{0, 0, 0}}.header(), picture.ErrLarge},
		{"JPEG, 8 megapixels, the same: not too large", rawJPEG{w: 3264, h: 2448, progressive: true, halved: true, samples: []byte{0, 0, 0}}.header(), picture.ErrBad},
		{"JPEG, 40 megapixels in half the colour: not too large", rawJPEG{w: 8000, h: 5000, halved: true, samples: []byte{0, 0, 0}}.header(), picture.ErrBad},
		{"JPEG, 40 megapixels of grey: not too large", rawJPEG{w: 8000, h: 5000, samples: []byte{0}}.header(), picture.ErrBad},
		{"JPEG, 40 megapixels of grey, progressive", rawJPEG{w: 8000, h: 5000, progressive: true, samples: []byte{0}}.header(), picture.ErrLarge},
		{"JPEG, 12 megapixels of CMYK", rawJPEG{w: 4000, h: 3000, adobe: true, samples: []byte{0, 0, 0, 0}}.header(), picture.ErrLarge},
		{"GIF, 65,535 x 65,535", []byte("GIF89a\xff\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x00;"), picture.ErrLarge},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			before := allocated()
			_, err := small(t, r.in, 256)
			if !errors.Is(err, r.want) {
				t.Errorf("%v, want %v", err, r.want)
			}
			if grown := allocated() - before; !strings.HasSuffix(r.name, ": not too large") && grown > 5<<20 {
				t.Errorf("%d bytes were allocated for it", grown)
			}
		})
	}
}

// allocated is how many bytes this process has allocated since its start.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// TestMemoryIsWhatWasSaid: the largest picture of each kind that is taken needs
// no more than a block.
func TestMemoryIsWhatWasSaid(t *testing.T) {
	side := func(perPixel float64, edge int) int { // the largest that is let in
		n := 100
		for float64(n*n)*perPixel+4*float64(2*edge+2)*float64(2*edge+2) < picture.Block*0.92 {
			n += 50
		}
		return n
	}
	const edge = 256
	u16 := func(n int) uint16 { return uint16(n) }
	n4, n8 := side(4, edge), side(8, edge)
	rows := map[string][]byte{
		"PNG":               pngOf(corners(rgba(n4, n4))),
		"PNG, 16 bit":       pngOf(image.NewNRGBA64(image.Rect(0, 0, n8, n8))),
		"JPEG, grey":        rawJPEG{w: u16(side(1, edge)), h: u16(side(1, edge)), samples: []byte{9}}.bytes(),
		"JPEG, colour":      rawJPEG{w: u16(side(7, edge)), h: u16(side(7, edge)), samples: []byte{9, 9, 9}}.bytes(),
		"JPEG, progressive": rawJPEG{w: u16(side(5, edge)), h: u16(side(5, edge)), progressive: true, samples: []byte{9}}.bytes(),
		"JPEG, CMYK, progr": rawJPEG{w: u16(side(24, edge)), h: u16(side(24, edge)), progressive: true, adobe: true, samples: []byte{9, 9, 9, 9}}.bytes(),
	}
	for name, b := range rows {
		runtime.GC()
		before := allocated()
		if _, err := small(t, b, edge); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if grown := allocated() - before; grown > picture.Block {
			t.Errorf("%s: %d MiB were allocated", name, grown>>20)
		}
	}
}

// TestTime: a picture that takes too long ends, soon, and in the caller: there
// is no goroutine left that still decodes. The bomb is a progressive JPEG whose
// scans go over nine million pixels again and again without saying anything.
func TestTime(t *testing.T) {
	bomb := rawJPEG{w: 3300, h: 3300, progressive: true, samples: []byte{90}, scans: 40_000}.bytes()
	before := runtime.NumGoroutine()
	start := time.Now()
	_, err := maker(picture.Options{Time: 200 * time.Millisecond}).Small(t.Context(), bytes.NewReader(bomb), int64(len(bomb)), 256)
	if took := time.Since(start); !errors.Is(err, picture.ErrSlow) || took > 15*time.Second {
		t.Errorf("after %v: %v", took, err)
	} else {
		t.Logf("a bomb of %d kB, 200 ms allowed: ended after %v", len(bomb)/1000, took)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines before, %d after", before, n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	jpg := jpegOf(corners(rgba(600, 400)))
	if _, err := maker(picture.Options{}).Small(ctx, bytes.NewReader(jpg), int64(len(jpg)), 256); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits any more: %v", err)
	}
}

// TestSourceFails: an error of reading is told as it is, whatever the decoder
// makes of it: the picture is not to blame.
func TestSourceFails(t *testing.T) {
	jpg := jpegOf(corners(rgba(2000, 1000)))
	broken := errors.New("the disk is gone")
	for _, at := range []int64{0, 1, 700, int64(len(jpg)) - 1} {
		_, err := maker(picture.Options{}).Small(t.Context(), &failing{bytes.NewReader(jpg), at, broken}, int64(len(jpg)), 256)
		if !errors.Is(err, broken) {
			t.Errorf("from byte %d on: %v", at, err)
		}
	}
}

type failing struct {
	r   io.ReaderAt
	at  int64
	err error
}

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.at {
		return 0, f.err
	}
	return f.r.ReadAt(p, off)
}

// TestTurns: pictures wait for each other and for memory that others have; a
// full queue answers at once, and who goes leaves no trace.
func TestTurns(t *testing.T) {
	memory := semaphore.NewWeighted(2)
	m := picture.NewMaker(picture.Options{Memory: memory, Queue: 2})
	first, err := m.Turn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !memory.TryAcquire(1) {
		t.Error("one picture takes all memory")
	}
	if memory.TryAcquire(1) {
		t.Error("a picture takes no memory")
	}
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan error, 2)
	for range 2 {
		go func() {
			done, err := m.Turn(ctx)
			if err == nil {
				done()
			}
			waiting <- err
		}()
	}
	full := func() bool { _, err := m.Turn(cancelled()); return errors.Is(err, picture.ErrBusy) }
	for end := time.Now().Add(5 * time.Second); !full(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("two that wait do not fill the queue")
		}
	}
	cancel()
	for range 2 {
		if err := <-waiting; !errors.Is(err, context.Canceled) {
			t.Errorf("one that went: %v", err)
		}
	}
	first()
	again, err := m.Turn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again()
	memory.Release(1)
	if !memory.TryAcquire(2) {
		t.Error("memory was not given back")
	}
	// Memory that others have: the picture waits, and goes without a trace.
	if _, err := m.Turn(cancelled()); !errors.Is(err, context.Canceled) {
		t.Errorf("no memory: %v", err)
	}
	memory.Release(2)
	if done, err := m.Turn(t.Context()); err != nil {
		t.Error(err)
	} else {
		done()
	}
}

func cancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// FuzzSmall: whatever the bytes are, the answer is a JPEG of the size asked
// for, or one of the errors, in time.
func FuzzSmall(f *testing.F) {
	jpg := jpegOf(corners(rgba(40, 30)))
	for _, seed := range [][]byte{
		jpg, exif(jpg, 6), pngOf(corners(rgba(40, 30))), pngOf(corners(image.NewNRGBA64(image.Rect(0, 0, 9, 7)))),
		animated(40, 30), fromBase64(lossyWebP), fromBase64(losslessWebP), fromBase64(seeThroughWebP),
		rawJPEG{w: 20, h: 20, progressive: true, samples: []byte{1, 2, 3}, scans: 3}.bytes(),
		rawJPEG{w: 20, h: 20, adobe: true, samples: []byte{1, 2, 3, 4}}.bytes(), hugePNG(65535, 65535, 8, 6, 0), nil,
	} {
		f.Add(seed, uint8(16))
	}
	f.Fuzz(func(t *testing.T, b []byte, edge uint8) {
		size := int(edge) + 1
		start := time.Now()
		out, err := maker(picture.Options{Time: 500 * time.Millisecond}).Small(t.Context(), bytes.NewReader(b), int64(len(b)), size)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
		if err != nil {
			for _, known := range []error{picture.ErrKind, picture.ErrLarge, picture.ErrBad, picture.ErrSlow} {
				if errors.Is(err, known) {
					return
				}
			}
			t.Fatalf("an error of no kind: %v", err)
		}
		m, err := jpeg.Decode(bytes.NewReader(out))
		if err != nil || m.Bounds().Dx() > size || m.Bounds().Dy() > size || m.Bounds().Empty() {
			t.Errorf("%v, %v of %d", err, m.Bounds(), size)
		}
	})
}

// BenchmarkSmall makes small ones of a photo of 12 megapixels.
func BenchmarkSmall(b *testing.B) {
	photo := image.NewYCbCr(image.Rect(0, 0, 4032, 3024), image.YCbCrSubsampleRatio420)
	for i := range photo.Y { // some noise, or the decoder has nothing to do
		photo.Y[i] = byte(i*7 + i>>9*13 + (i*i)>>11)
	}
	for i := range photo.Cb {
		photo.Cb[i], photo.Cr[i] = byte(i>>6), byte(i>>11)
	}
	jpg := jpegOf(photo)
	b.Logf("%d kB", len(jpg)/1000)
	for _, edge := range []int{256, 1024} {
		b.Run(fmt.Sprint(edge), func(b *testing.B) {
			b.ReportAllocs()
			m := maker(picture.Options{})
			for b.Loop() {
				if _, err := m.Small(b.Context(), bytes.NewReader(jpg), int64(len(jpg)), edge); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
