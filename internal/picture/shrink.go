package picture

import (
	"image"
	"image/draw"

	scale "golang.org/x/image/draw"
)

// fit is the size of a picture of w x h that is to be no wider and no higher
// than edge, nor larger than it is.
func fit(w, h, edge int) (int, int) {
	if longest := max(w, h); longest > edge {
		return max(1, (w*edge+longest/2)/longest), max(1, (h*edge+longest/2)/longest)
	}
	return w, h
}

// shrink draws the picture on white, no wider and no higher than edge. First
// whole squares of pixels are averaged, band by band, until less than half is
// too much; only that is interpolated. So every pixel counts, and memory holds
// no second copy of the large picture.
func shrink(full image.Image, edge int) *image.RGBA {
	b := full.Bounds()
	w, h := fit(b.Dx(), b.Dy(), edge)
	fx, fy := b.Dx()/w, b.Dy()/h
	reduced := image.NewRGBA(image.Rect(0, 0, (b.Dx()+fx-1)/fx, (b.Dy()+fy-1)/fy))
	band := image.NewRGBA(image.Rect(0, 0, b.Dx(), fy))
	for y := range reduced.Rect.Dy() {
		rows := min(fy, b.Dy()-y*fy)
		draw.Draw(band, band.Rect, image.White, image.Point{}, draw.Src)
		draw.Draw(band, image.Rect(0, 0, b.Dx(), rows), full, image.Pt(b.Min.X, b.Min.Y+y*fy), draw.Over)
		average(reduced.Pix[y*reduced.Stride:], band, reduced.Rect.Dx(), fx, rows)
	}
	if reduced.Rect.Dx() == w && reduced.Rect.Dy() == h {
		return reduced
	}
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	scale.ApproxBiLinear.Scale(out, out.Rect, reduced, reduced.Rect, scale.Src, nil)
	return out
}

// average fills a row of n pixels, each from fx columns of the first rows of a
// band.
func average(row []byte, band *image.RGBA, n, fx, rows int) {
	for x := range n {
		from, to := 4*x*fx, 4*min((x+1)*fx, band.Rect.Dx())
		var red, green, blue uint64
		for y := range rows {
			line := band.Pix[y*band.Stride:]
			for i := from; i < to; i += 4 {
				p := line[i : i+3 : i+3]
				red, green, blue = red+uint64(p[0]), green+uint64(p[1]), blue+uint64(p[2])
			}
		}
		count := uint64((to - from) / 4 * rows)
		out := row[4*x : 4*x+4 : 4*x+4]
		out[0], out[1], out[2], out[3] = byte((red+count/2)/count), byte((green+count/2)/count), byte((blue+count/2)/count), 255
	}
}

// oriented turns a picture the way that EXIF's orientation says (CIPA DC-008,
// 4.6.4): where the first row and the first column of what is stored belong.
func oriented(in *image.RGBA, turn int) *image.RGBA {
	if turn == 1 {
		return in
	}
	w, h := in.Rect.Dx(), in.Rect.Dy()
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	if turn >= 5 {
		out = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range h {
		for x := range w {
			var to image.Point
			switch turn {
			case 2: // top, right
				to = image.Pt(w-1-x, y)
			case 3: // bottom, right
				to = image.Pt(w-1-x, h-1-y)
			case 4: // bottom, left
				to = image.Pt(x, h-1-y)
			case 5: // left, top
				to = image.Pt(y, x)
			case 6: // right, top
				to = image.Pt(h-1-y, x)
			case 7: // right, bottom
				to = image.Pt(h-1-y, w-1-x)
			case 8: // left, bottom
				to = image.Pt(y, w-1-x)
			}
			copy(out.Pix[out.PixOffset(to.X, to.Y):][:4], in.Pix[in.PixOffset(x, y):][:4])
		}
	}
	return out
}
