package coffertest

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
	"coffer/internal/wire"
)

// BenchmarkSmall is what requests that move little cost, the client included:
// on both databases, blobs on disk, eight at a time.
func BenchmarkSmall(b *testing.B) {
	engines(b, func(b *testing.B, s *Server) {
		ann := s.Person("Ann").Program(coffer.ScopeFilesRead, coffer.ScopeFilesWrite)
		root := "/nodes/" + ann.Root().String()
		content := noise(1, 10<<10)
		f := ann.put("f.bin", content)
		big := ann.put("big.bin", noise(1, 32<<20))
		folder := "/nodes/" + ann.Do("POST", root+"/folders", wire.NewFolder{Name: "folder"}).Want(201).Node().ID.String()
		for i := range 1000 {
			ann.Do("PUT", fmt.Sprintf("%s/files?name=%d", folder, i), []byte("x")).Want(201)
		}
		var n atomic.Int64
		for _, what := range []struct {
			name string
			do   func() *http.Request
		}{
			{"up", func() *http.Request {
				return ann.Request("PUT", fmt.Sprintf("%s/files?name=%d.bin", root, n.Add(1)), content)
			}},
			{"down", func() *http.Request { return ann.Request("GET", contentOf(f), nil) }},
			{"range", func() *http.Request {
				off := n.Add(1) * 7919 * 4096 % (31 << 20)
				return ann.Request("GET", contentOf(big), nil, "Range", fmt.Sprintf("bytes=%d-%d", off, off+65535))
			}},
			{"stat", func() *http.Request { return ann.Request("GET", "/nodes/"+f.ID.String(), nil) }},
			{"list200", func() *http.Request { return ann.Request("GET", folder+"/children?limit=200", nil) }},
			{"list1000", func() *http.Request { return ann.Request("GET", folder+"/children?limit=1000", nil) }},
			{"alive", func() *http.Request { return ann.Request("GET", s.URL+"/healthz", nil) }},
		} {
			b.Run(what.name, func(b *testing.B) {
				b.SetParallelism(4)
				spent := cpu()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						res, err := s.http.Do(what.do())
						if err != nil {
							b.Error(err)
							return
						}
						io.Copy(io.Discard, res.Body)
						res.Body.Close()
						if res.StatusCode/100 != 2 {
							b.Errorf("%d", res.StatusCode)
							return
						}
					}
				})
				b.ReportMetric(float64((cpu()-spent).Microseconds())/float64(b.N), "cpu-us/op")
			})
		}
	})
}

// BenchmarkMillion is what the first pages of a folder with 1,000,000 files, and
// of a search over their names, take through HTTP, beside a folder with 1,000.
// Without COFFER_SOAK there are 20,000. Each figure is the median and the 99th
// of a hundred requests, one after the other.
func BenchmarkMillion(b *testing.B) {
	count := 20_000
	if os.Getenv("COFFER_SOAK") != "" {
		count = 1_000_000
	}
	engines(b, func(b *testing.B, s *Server) {
		ann := s.member("Ann")
		space := ann.Space()
		fill := func(name string, count int) string {
			folder := ann.Do("POST", "/nodes/"+space.RootID.String()+"/folders", wire.NewFolder{Name: name}).Want(201).Node().ID
			for done := 0; done < count; {
				n := min(1000, count-done)
				err := s.DB.Update(b.Context(), func(tx *db.Tx) error {
					for i := done; i < done+n; i++ {
						node := coffer.Node{ID: coffer.NewID(), SpaceID: space.ID, ParentID: folder, Kind: coffer.Folder, CreatedBy: ann.Me.ID, ChangedBy: ann.Me.ID,
							Name: fmt.Sprintf("%s of %d, part %d", [...]string{"Invoice", "Offer", "Minutes", "Letter"}[i%4], 1990+i%37, i), CreatedAt: tx.Now, ChangedAt: tx.Now}
						if err := tx.InsertNode(node); err != nil {
							return err
						}
					}
					return tx.AddChildren(folder, int64(n))
				})
				if err != nil {
					b.Fatal(err)
				}
				done += n
			}
			return "/nodes/" + folder.String()
		}
		few, many := fill("few", 1000), fill("many", count)
		few, last := few+"/children?limit=200", many+"/children?limit=200&from=end"
		for _, ask := range []struct{ name, path string }{
			{"page-of-1000", few}, {"page", many + "/children?limit=200"}, {"last-page", last}, {"by-change", many + "/children?limit=200&sort=changed"},
			{"search-many", "/search?q=invoice"}, {"search-some", "/search?q=part+777"}, {"search-one", fmt.Sprintf("/search?q=part+%d", count-1)}, {"search-none", "/search?q=nothing"},
		} {
			b.Run(ask.name, func(b *testing.B) {
				took := make([]float64, 100)
				for b.Loop() {
					for i := range took {
						began := time.Now()
						ann.Do("GET", ask.path, nil).Want(200)
						took[i] = float64(time.Since(began).Microseconds()) / 1000
					}
				}
				slices.Sort(took)
				b.ReportMetric(took[50], "p50-ms")
				b.ReportMetric(took[98], "p99-ms")
			})
		}
	})
}

// engines runs a benchmark on a server of its own for each database.
func engines(b *testing.B, run func(b *testing.B, s *Server)) {
	for _, engine := range []struct {
		name string
		open func(testing.TB) *db.DB
	}{{"sqlite", dbtest.SQLite}, {"postgres", dbtest.Postgres}} {
		b.Run(engine.name, func(b *testing.B) {
			run(b, start(b, engine.open(b), &Clock{}, &Log{}, Options{Disk: true}))
		})
	}
}

// cpu is what this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
