package picture

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"github.com/bep/imagemeta"
	"golang.org/x/image/webp"
)

type format int

const (
	pngFormat format = iota
	jpegFormat
	gifFormat
	webpFormat
)

// A probe is what a picture says of itself, before it is decoded.
type probe struct {
	format        format
	width, height int
	perPixel      float64 // bytes of memory that decoding takes for each pixel
	extra         int64   // and beside them
}

// memory is what the whole work takes: the decoded picture, and at the same
// time one that is less than twice as wide and high as the small one, and that.
func (p probe) memory(edge int) int64 {
	pixels := float64(p.width) * float64(p.height)
	w, h := fit(p.width, p.height, edge)
	fx, fy := p.width/w, p.height/h
	reduced := int64(p.width/fx+1) * int64(p.height/fy+1)
	return int64(pixels*p.perPixel) + p.extra + 4*(reduced+int64(p.width)*int64(fy)+2*int64(w)*int64(h)) + 1<<20
}

// look reads the header.
func look(in *input) (p probe, err error) {
	head := make([]byte, 32)
	n, err := io.ReadFull(in.from(0), head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return p, err
	}
	head = head[:n]
	var config image.Config
	switch r := in.from(0); {
	case bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")):
		p.format = pngFormat
		if config, err = png.DecodeConfig(r); err == nil {
			p.perPixel = pngPerPixel(head)
		}
	case bytes.HasPrefix(head, []byte("\xff\xd8\xff")):
		p.format = jpegFormat
		if config, err = jpeg.DecodeConfig(r); err == nil {
			p.perPixel, err = jpegPerPixel(in.from(0))
		}
	case bytes.HasPrefix(head, []byte("GIF87a")), bytes.HasPrefix(head, []byte("GIF89a")):
		p.format, p.perPixel = gifFormat, 2 // interlaced lines are put in order in a copy
		config, err = gif.DecodeConfig(r)
	case len(head) >= 16 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP":
		p.format = webpFormat
		if config, err = webp.DecodeConfig(r); err == nil {
			p.perPixel, p.extra, err = webpMemory(in)
		}
	default:
		return p, ErrKind
	}
	if err == nil && (config.Width < 1 || config.Height < 1) {
		err = fmt.Errorf("%d x %d", config.Width, config.Height)
	}
	if err != nil {
		return p, fmt.Errorf("%w: %w", ErrBad, err)
	}
	p.width, p.height = config.Width, config.Height
	return p, nil
}

// pngPerPixel reads the IHDR, which is always first: depth, colour type,
// interlace (W3C PNG, 11.2.1). Grey and coloured pictures may turn out to have
// one see-through colour, and an interlaced one is put together from parts of
// which the last is half of it.
func pngPerPixel(head []byte) float64 {
	if len(head) < 29 {
		return 8 // the decoder will say so
	}
	bytes := 4.0
	switch depth, colour := head[24], head[25]; {
	case colour == 3:
		bytes = 1
	case depth == 16:
		bytes = 8
	}
	if head[28] != 0 {
		bytes *= 1.5
	}
	return bytes
}

// jpegPerPixel finds the frame header as image/jpeg does (ITU-T T.81, B.2.2):
// each component takes a byte for each sample, in progressive mode four more
// for its coefficient, and black or RGB is put together in a copy.
func jpegPerPixel(r io.Reader) (float64, error) {
	b := bufio.NewReader(r)
	next := func() byte { c, _ := b.ReadByte(); return c } // zeros at the end: an unknown marker
	next()
	next() // SOI
	for {
		at, marker := next(), next()
		for at != 0xff {
			if _, err := b.Peek(1); err != nil {
				return 0, err
			}
			at, marker = marker, next()
		}
		for marker == 0xff {
			marker = next()
		}
		if marker == 0 || marker >= 0xd0 && marker <= 0xd7 {
			if _, err := b.Peek(1); err != nil {
				return 0, err
			}
			continue
		}
		length := int(next())<<8 + int(next()) - 2
		if marker < 0xc0 || marker > 0xc2 {
			if n, err := b.Discard(max(length, 0)); err != nil || n < 0 {
				return 0, errors.New("no frame header")
			}
			continue
		}
		segment := make([]byte, max(length, 0))
		if _, err := io.ReadFull(b, segment); err != nil || length < 6 || length < 6+3*int(segment[5]) {
			return 0, errors.New("short frame header")
		}
		return framePerPixel(segment, marker == 0xc2), nil
	}
}

func framePerPixel(segment []byte, progressive bool) float64 {
	components := int(segment[5])
	var samples, most float64
	for i := range components {
		hv := segment[7+3*i]
		samples += float64(hv>>4) * float64(hv&15)
		most = max(most, float64(hv>>4)*float64(hv&15))
	}
	if components == 1 {
		samples, most = 1, 1
	}
	bytes := samples / max(most, 1)
	if progressive {
		bytes *= 5
	}
	if components == 4 || components == 3 && samples == 3*most {
		bytes += 4
	}
	return bytes
}

const (
	// A lossless WebP may describe up to 2,600 groups of Huffman trees, which the
	// decoder holds at once: 55 KiB from 200 bytes of input.
	webpTrees     = 2600 * 55 << 10
	webpTreeRatio = 280
)

// webpMemory walks through the chunks (Google, WebP container specification).
// Each must lie inside the file: the decoder makes room for what it says.
func webpMemory(in *input) (perPixel float64, extra int64, err error) {
	var h [8]byte
	perPixel = 1.5 + 1 // YCbCr and alpha
	for off := int64(12); off+8 <= in.size; {
		if _, err := in.ReadAt(h[:], off); err != nil {
			return 0, 0, err
		}
		length := int64(binary.LittleEndian.Uint32(h[4:]))
		if off+8+length > in.size {
			return 0, 0, errors.New("a chunk goes over the end")
		}
		switch string(h[:4]) {
		case "VP8 ":
			return perPixel, extra + length, nil
		case "VP8L", "ALPH": // decoded as RGBA, transformed into another one
			perPixel += 8
			extra += min(webpTrees, webpTreeRatio*length)
			if h[3] == 'L' {
				return perPixel, extra, nil
			}
		}
		off += 8 + length + length&1
	}
	return 0, 0, errors.New("no picture in it")
}

// orientation is how the camera was held, as EXIF says it: 1 to 8, 1 where it
// says nothing that makes sense.
func orientation(in *input, f format) int {
	kinds := map[format]imagemeta.ImageFormat{pngFormat: imagemeta.PNG, jpegFormat: imagemeta.JPEG, webpFormat: imagemeta.WebP}
	kind, ok := kinds[f]
	if !ok {
		return 1
	}
	turn := 1
	// An error is none of the picture: it is shown as it lies.
	_, _ = imagemeta.Decode(imagemeta.Options{
		R: io.NewSectionReader(in, 0, in.size), ImageFormat: kind, Sources: imagemeta.EXIF, LimitNumTags: 1000, LimitTagSize: 64,
		ShouldHandleTag: func(t imagemeta.TagInfo) bool { return t.Tag == "Orientation" && t.Namespace == "IFD0" },
		HandleTag: func(t imagemeta.TagInfo) error {
			if n, ok := t.Value.(uint16); ok && n >= 1 && n <= 8 {
				turn = int(n)
			}
			return imagemeta.ErrStopWalking
		},
	})
	return turn
}
