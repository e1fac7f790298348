package picture_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
)

// Four colours that JPEG keeps apart, one for each corner.
var (
	red    = color.RGBA{220, 20, 20, 255}
	green  = color.RGBA{20, 180, 20, 255}
	blue   = color.RGBA{20, 20, 220, 255}
	yellow = color.RGBA{230, 220, 20, 255}
)

// corners paints a quarter of a picture each: red and green above, blue and
// yellow below.
func corners(m interface {
	image.Image
	Set(x, y int, c color.Color)
}) image.Image {
	b := m.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			right, below := x-b.Min.X >= b.Dx()/2, y-b.Min.Y >= b.Dy()/2
			c := map[[2]bool]color.RGBA{{false, false}: red, {true, false}: green, {false, true}: blue, {true, true}: yellow}[[2]bool{right, below}]
			m.Set(x, y, c)
		}
	}
	return m
}

func pngOf(m image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func jpegOf(m image.Image) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func rgba(w, h int) *image.RGBA { return image.NewRGBA(image.Rect(0, 0, w, h)) }

// animated is a GIF whose first frame has the four colours and whose second is
// white.
func animated(w, h int) []byte {
	colours := color.Palette{red, green, blue, yellow, color.White}
	first := image.NewPaletted(image.Rect(0, 0, w, h), colours)
	corners(first)
	second := image.NewPaletted(image.Rect(0, 0, w, h), colours)
	for i := range second.Pix {
		second.Pix[i] = 4
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &gif.GIF{Image: []*image.Paletted{first, second}, Delay: []int{10, 10}}); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// exif puts an orientation into a JPEG, behind SOI.
func exif(jpg []byte, orientation uint16) []byte {
	tiff := []byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01")
	tiff = binary.BigEndian.AppendUint16(tiff, orientation)
	tiff = append(tiff, 0, 0, 0, 0, 0, 0)
	out := append([]byte{}, jpg[:2]...)
	out = append(out, 0xff, 0xe1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(tiff)+2))
	return append(append(out, tiff...), jpg[2:]...)
}

// chunk makes one chunk of a PNG.
func chunk(kind string, data []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	out = append(append(out, kind...), data...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

// hugePNG claims a size and holds nothing.
func hugePNG(w, h uint32, depth, colour, interlace byte) []byte {
	head := binary.BigEndian.AppendUint32(nil, w)
	head = binary.BigEndian.AppendUint32(head, h)
	out := append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(head, depth, colour, 0, 0, interlace))...)
	if colour == 3 {
		out = append(out, chunk("PLTE", make([]byte, 3))...)
	}
	return append(out, chunk("IDAT", []byte{0x78, 0x9c, 1, 0, 0, 0xff, 0xff, 0, 0, 0, 1})...)
}

// rawJPEG writes JPEGs that the standard library does not: progressive ones and
// such of four colours. All of it has one colour, given as its samples.
type rawJPEG struct {
	w, h        uint16
	progressive bool
	adobe       bool // four samples are CMYK, inverted as Adobe does
	samples     []byte
	halved      bool // all samples but the first stand for four pixels; headers only
	scans       int  // further scans that change nothing
}

// header is only what stands before the first scan.
func (r rawJPEG) header() []byte {
	w, h := r.w, r.h
	r.w, r.h, r.scans = 1, 1, 0
	b := r.bytes()
	at := bytes.LastIndex(b, []byte{8, 0, 1, 0, 1})
	binary.BigEndian.PutUint16(b[at+1:], h)
	binary.BigEndian.PutUint16(b[at+3:], w)
	return b
}

func (r rawJPEG) bytes() []byte {
	out := []byte{0xff, 0xd8}
	segment := func(marker byte, data ...byte) {
		out = append(out, 0xff, marker)
		out = binary.BigEndian.AppendUint16(out, uint16(len(data)+2))
		out = append(out, data...)
	}
	if r.adobe {
		segment(0xee, []byte("Adobe\x00\x64\x00\x00\x00\x00\x00")...)
	}
	segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{8}, 64)...)...)
	frame := []byte{8}
	frame = binary.BigEndian.AppendUint16(frame, r.h)
	frame = append(binary.BigEndian.AppendUint16(frame, r.w), byte(len(r.samples)))
	for i := range r.samples {
		sampling := byte(0x11)
		if r.halved && i == 0 {
			sampling = 0x22
		}
		frame = append(frame, byte(i+1), sampling, 0)
	}
	if r.progressive {
		segment(0xc2, frame...)
	} else {
		segment(0xc0, frame...)
	}
	// DC: categories 0 to 8 with four bits each. AC: the end of block with one
	// bit, a run of 2^14 and more ends of blocks with two.
	segment(0xc4, append(append([]byte{0}, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), 0, 1, 2, 3, 4, 5, 6, 7, 8)...)
	segment(0xc4, append(append([]byte{0x10}, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), 0, 0xe0)...)
	scan := []byte{byte(len(r.samples))}
	for i := range r.samples {
		scan = append(scan, byte(i+1), 0)
	}
	last := byte(63)
	if r.progressive {
		last = 0
	}
	segment(0xda, append(scan, 0, last, 0)...)
	var bits bitWriter
	blocks := (int(r.w) + 7) / 8 * ((int(r.h) + 7) / 8)
	for i := range blocks {
		for _, sample := range r.samples {
			diff := 0
			if i == 0 {
				diff = int(sample) - 128
			}
			bits.dc(diff)
			if !r.progressive {
				bits.put(0, 1) // end of block
			}
		}
	}
	out = append(out, bits.flush()...)
	for range r.scans {
		segment(0xda, 1, 1, 0, 1, 63, 0)
		var bits bitWriter
		for left := blocks; left > 0; left -= 1<<15 - 1 {
			bits.put(2, 2)
			bits.put(min(left, 1<<15-1)&(1<<14-1), 14)
		}
		out = append(out, bits.flush()...)
	}
	return append(out, 0xff, 0xd9)
}

type bitWriter struct {
	out  []byte
	bits uint
	n    int
}

func (b *bitWriter) put(v, n int) {
	b.bits, b.n = b.bits<<n|uint(v), b.n+n
	for ; b.n >= 8; b.n -= 8 {
		c := byte(b.bits >> (b.n - 8))
		if b.out = append(b.out, c); c == 0xff {
			b.out = append(b.out, 0)
		}
	}
}

func (b *bitWriter) dc(diff int) {
	size := 0
	for v := max(diff, -diff); v > 0; v >>= 1 {
		size++
	}
	b.put(size, 4)
	if diff < 0 {
		diff += 1<<size - 1
	}
	b.put(diff, size)
}

func (b *bitWriter) flush() []byte {
	if b.n > 0 {
		b.put(1<<(8-b.n)-1, 8-b.n)
	}
	return b.out
}

func fromBase64(s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// 64 x 48 in the four colours, made by Chromium; the last one lets through
// where yellow would be.
const (
	lossyWebP      = "UklGRoAAAABXRUJQVlA4IHQAAACwBQCdASpAADAAPmkokEWkIqGZVABABoSgDN+Wz+AfiBrnfAPxV/YCu/AgLvWsiQ/AJ3sNEwAA/vBsTOT2n9K9TD5Kvyg/nF30SUA27Mj3UjATf9bxF8jX//lP2qYeIuZmQ/xAJGtEWNNtiFj3hCNOsAAAAA=="
	losslessWebP   = "UklGRkgAAABXRUJQVlA4TDwAAAAvP8ALAB8gECAmBEqTI1FIQMiy/3vMEggkYe3PMcz8Bz3iLCDMNprkJE9yCveM6H9s27apqv4NAFBVdXc="
	seeThroughWebP = "UklGRrQAAABXRUJQVlA4WAoAAAAQAAAAPwAALwAAQUxQSBcAAAABDzD/ERGCTNom/k3XwfZG9H8CuhB2AwBWUDggdgAAAJAFAJ0BKkAAMAA+aS6QRaQioZle3ABABoSgDPYXj+AfirrNXJfxV/YCu/AblBIJ9CIgLTcgAP7wbGVjto/SzA7PJYeUH841eTHnpWos1gFICl/reMPhB//8p/HcjSLpI6Tb//6MDN6045vVu/ivt0gDndbwAAA="
)
