package files_test

import (
	"fmt"
	"io"
	"path/filepath"
	"sync/atomic"
	"testing"

	"coffer"
	"coffer/internal/blob/disk"
	"coffer/internal/db/dbtest"
	"coffer/internal/files"
)

func benchWorld(b *testing.B) *world {
	store, err := disk.Open(filepath.Join(b.TempDir(), "blobs"))
	if err != nil {
		b.Fatal(err)
	}
	return newWorld(b, dbtest.SQLite(b), newClock(), store)
}

// BenchmarkUploadSmall: 10 KiB, 8 at a time, durable (blob and row).
func BenchmarkUploadSmall(b *testing.B) {
	w := benchWorld(b)
	ann := w.person("Ann")
	data := random(10 << 10)
	var n atomic.Int64
	b.SetParallelism(4)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, _, err := ann.Upload(ctx, ann.root, fmt.Sprintf("file %d.bin", n.Add(1)), "", body(data))
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "uploads/s")
}

// BenchmarkDownloadSmall: 10 KiB, 8 at a time, other files each time.
func BenchmarkDownloadSmall(b *testing.B) {
	w := benchWorld(b)
	ann := w.person("Ann")
	data := random(10 << 10)
	var ids []coffer.ID
	for i := range 500 {
		ids = append(ids, ann.put(ann.root, fmt.Sprint(i), data).ID)
	}
	var n atomic.Int64
	b.SetParallelism(4)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c, err := ann.Open(ctx, ids[int(n.Add(1))%len(ids)], coffer.ID{})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := c.WriteRange(ctx, io.Discard, 0, c.Version.Size); err != nil {
				b.Fatal(err)
			}
			c.Close()
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "downloads/s")
}

// BenchmarkList: the first page of 200, a page of 5,000 and a filter, of
// 10,000 children.
func BenchmarkList(b *testing.B) {
	w := benchWorld(b)
	ann := w.person("Ann")
	dir := ann.mkdir(ann.root, "many")
	ann.fill(dir, 10000)
	for name, o := range map[string]files.ListOptions{"200": {}, "200 by size": {Sort: "size", Desc: true}, "5000": {Limit: 5000}, "10000": {Limit: 10000}, "filter": {Query: "999"}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ann.Children(ctx, dir, o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSearch is the first page as people get it: found, decided about one
// by one, with names and paths, among 20,000 names, or 1,000,000 with COFFER_SOAK.
func BenchmarkSearch(b *testing.B) {
	w := benchWorld(b)
	ann := w.person("Ann")
	folders := 20
	if soak() {
		folders = 1000
	}
	for i := range folders {
		ann.fill(ann.mkdir(ann.root, fmt.Sprint("many ", i)), 1000)
	}
	for _, query := range []string{"file", "le 999", "9", "nothing"} {
		b.Run(query, func(b *testing.B) {
			for b.Loop() {
				if _, err := ann.Search(ctx, query, files.SearchOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
