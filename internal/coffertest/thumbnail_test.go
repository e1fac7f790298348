package coffertest

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"

	"coffer"
	"coffer/internal/server"
	"coffer/internal/wire"
)

func pngOf(w, h int, c color.Color) []byte {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		r, g, b, _ := c.RGBA()
		m.Pix[i] = []byte{byte(r), byte(g), byte(b), 255}[i%4] + byte(i>>9)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, m); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// TestThumbnailOverHTTP: a JPEG of ours, for who may read the file, kept by the
// browser and asked for again.
func TestThumbnailOverHTTP(t *testing.T) {
	Each(t, func(t *testing.T, open func(Options) *Server) {
		bad := &badDisk{}
		s := open(Options{Edit: func(o *server.Options) { bad.Store = o.Store; o.Store = bad }})
		ann, ben := s.Person("Ann"), s.Person("Ben")
		f := ann.put("plan.png", pngOf(600, 400, color.RGBA{200, 30, 30, 255}))
		text := ann.put("plan.txt", []byte("no picture"))
		if !f.Thumbnail || text.Thumbnail {
			t.Errorf("thumbnail: %v of a picture, %v of text", f.Thumbnail, text.Thumbnail)
		}
		at := "/nodes/" + f.ID.String() + "/thumbnail"
		for query, width := range map[string]int{"": 256, "?size=256": 256, "?size=1024": 600, "?size=256&version=" + f.VersionID.String(): 256} {
			res := ann.Do("GET", at+query, nil).Want(200)
			m, err := jpeg.Decode(bytes.NewReader(res.Body))
			if err != nil || m.Bounds().Dx() != width {
				t.Errorf("%s: %v, %v", query, m.Bounds(), err)
			}
			for name, want := range map[string]string{"Content-Type": "image/jpeg", "Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff",
				"Cross-Origin-Resource-Policy": "same-origin", "Content-Security-Policy": "sandbox; default-src 'none'"} {
				if got := res.Header.Get(name); got != want {
					t.Errorf("%s: %s is %q", query, name, got)
				}
			}
			if again := ann.Do("GET", at+query, nil, "If-None-Match", res.Header.Get("ETag")); again.Status != 304 || again.Header.Get("ETag") != res.Header.Get("ETag") {
				t.Errorf("%s: asked again: %d", query, again.Status)
			}
			ben.Do("GET", at+query, nil, "If-None-Match", res.Header.Get("ETag")).Problem(404, "not_found")
		}
		small := ann.Do("GET", at, nil)
		if large := ann.Do("GET", at+"?size=1024", nil); small.Header.Get("ETag") == large.Header.Get("ETag") {
			t.Error("both sizes have one ETag")
		}
		next := ann.Do("PUT", contentOf(f), pngOf(300, 300, color.RGBA{30, 200, 30, 255})).Want(200).Node()
		if res := ann.Do("GET", at, nil, "If-None-Match", small.Header.Get("ETag")); res.Status != 200 || bytes.Equal(res.Body, small.Body) {
			t.Errorf("the file has changed: %d", res.Status)
		}
		if res := ann.Do("GET", at+"?version="+f.VersionID.String(), nil); !bytes.Equal(res.Body, small.Body) {
			t.Errorf("the older version: %d", res.Status)
		}

		ann.Do("GET", at+"?size=512", nil).Problem(422, "invalid")
		ann.Do("GET", at+"?size=large", nil).Problem(422, "invalid")
		ann.Do("GET", at+"?size=256&size=1024", nil).Problem(422, "invalid")
		ann.Do("GET", at+"?width=256", nil).Problem(422, "invalid")
		ann.Do("GET", at+"?version=nonsense", nil).Problem(404, "not_found")
		ann.Do("GET", "/nodes/"+text.ID.String()+"/thumbnail", nil).Problem(404, "no_thumbnail")
		ann.Do("GET", "/nodes/"+ann.Root().String()+"/thumbnail", nil).Problem(404, "no_thumbnail")
		broken := ann.put("broken.png", pngOf(600, 400, color.White)[:900])
		ann.Do("GET", "/nodes/"+broken.ID.String()+"/thumbnail", nil).Problem(404, "no_thumbnail")

		// The stored content has a bit wrong: no picture of it, and no blame.
		other := ann.put("other.png", pngOf(600, 400, color.RGBA{30, 30, 200, 255}))
		there := "/nodes/" + other.ID.String() + "/thumbnail"
		bad.set(8*2000, 0, coffer.ID{})
		ann.Do("GET", there, nil).Problem(500, "damaged")
		bad.set(0, 0, coffer.ID{})
		good := ann.Do("GET", there, nil).Want(200)
		// So has the stored picture: it is made again, which needs the content.
		bad.set(8*100, 0, coffer.ID{})
		ann.Do("GET", there, nil).Problem(500, "damaged")
		bad.set(0, 0, coffer.ID{})
		if res := ann.Do("GET", there, nil).Want(200); !bytes.Equal(res.Body, good.Body) {
			t.Error("it is not made again as it was")
		}
		// Who may only view a file sees it small, and may be who has it made; who may
		// not any more has nothing of it, whatever the browser has kept.
		shared := ann.put("shared.png", pngOf(600, 400, color.RGBA{90, 90, 90, 255}))
		var grant wire.Grant
		ann.Do("POST", "/nodes/"+shared.ID.String()+"/grants", wire.NewGrant{Email: ben.Email, Role: "view"}).Want(201).JSON(&grant)
		seen := ben.Do("GET", "/nodes/"+shared.ID.String()+"/thumbnail", nil).Want(200)
		if own := ann.Do("GET", "/nodes/"+shared.ID.String()+"/thumbnail", nil).Want(200); !bytes.Equal(own.Body, seen.Body) {
			t.Error("Ann sees another picture than Ben")
		}
		ann.Do("DELETE", "/nodes/"+shared.ID.String()+"/grants/"+grant.ID.String(), nil)
		ben.Do("GET", "/nodes/"+shared.ID.String()+"/thumbnail", nil, "If-None-Match", seen.Header.Get("ETag")).Problem(404, "not_found")

		ann.Do("DELETE", "/nodes/"+next.ID.String(), nil).Want(204)
		ann.Do("GET", at, nil).Problem(404, "not_found")
	})
}
