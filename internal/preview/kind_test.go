package preview

import "testing"

func TestKinds(t *testing.T) {
	rows := []struct{ name, magic, preview, served string }{
		{"a.png", "image/png", "image", "image/png"},
		{"A.PNG", "image/png", "image", "image/png"},
		{"a.jpg", "image/jpeg", "image", "image/jpeg"},
		{"a.jpeg", "image/png", "", ""}, // name and bytes disagree
		{"a.gif", "image/gif", "image", "image/gif"},
		{"a.webp", "image/webp", "image", "image/webp"},
		{"a.avif", "image/avif", "image", "image/avif"},
		{"a.mp4", "video/mp4", "video", "video/mp4"},
		{"a.webm", "video/webm", "video", "video/webm"},
		{"a.ogg", "audio/ogg", "audio", "audio/ogg"},
		{"a.mp3", "audio/mpeg", "audio", "audio/mpeg"},
		{"a.m4a", "audio/x-m4a", "audio", "audio/mp4"},
		{"a.wav", "audio/wav", "audio", "audio/wav"},
		{"a.flac", "audio/flac", "audio", "audio/flac"},
		{"a.txt", "text/plain; charset=utf-8", "text", TextType},
		{"a.txt", "text/plain; charset=utf-16le", "text", TextType},
		{"README", "text/plain; charset=utf-8", "text", TextType},
		{".gitignore", "text/plain; charset=utf-8", "text", TextType},
		{"a.go", "text/plain; charset=utf-8", "text", TextType},
		{"a.json", "application/json", "text", TextType},
		{"a.js", "text/javascript", "text", TextType},
		{"a.pdf", "application/pdf", "pdf", ""},
		// What can run, or is not what it says, is a download.
		{"a.html", "text/html; charset=utf-8", "", ""},
		{"a.txt", "text/html; charset=utf-8", "", ""},
		{"a.html", "text/plain; charset=utf-8", "", ""},
		{"a.svg", "image/svg+xml", "", ""},
		{"a.png", "image/svg+xml", "", ""},
		{"a.svg", "image/png", "", ""},
		{"a.xhtml", "application/xhtml+xml", "", ""},
		{"a.xml", "text/xml; charset=utf-8", "", ""},
		{"a.png", "text/html; charset=utf-8", "", ""},
		{"a.swf", "application/x-shockwave-flash", "", ""},
		{"a.pdf", "text/html", "", ""},
		{"a.exe", "application/vnd.microsoft.portable-executable", "", ""},
		{"a.png", "application/octet-stream", "", ""},
		{"a", "application/octet-stream", "", ""},
		{"a.mht", "multipart/related", "", ""},
	}
	for _, row := range rows {
		if got := KindOf(row.name, row.magic); got.Show != row.preview || got.Served != row.served {
			t.Errorf("%s, %s: %+v", row.name, row.magic, got)
		}
	}
}
