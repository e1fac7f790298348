package files_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"coffer"
	"coffer/internal/files"

	"pgregory.net/rapid"
)

// A leaf is a node as the model sees it: a tree of maps and byte slices.
type leaf struct {
	id      coffer.ID
	name    string
	parent  *leaf
	file    bool
	content [][]byte         // versions, newest last
	kids    map[string]*leaf // by name key
}

func (l *leaf) below(f *leaf) bool {
	for ; l != nil; l = l.parent {
		if l == f {
			return true
		}
	}
	return false
}

func (l *leaf) bytes() (n int64) {
	for _, c := range l.content {
		n += int64(len(c))
	}
	for _, k := range l.kids {
		n += k.bytes()
	}
	return n
}

// current is the bytes that a copy takes.
func (l *leaf) current() (n int64) {
	if l.file {
		return int64(len(l.content[len(l.content)-1]))
	}
	for _, k := range l.kids {
		n += k.current()
	}
	return n
}

func (l *leaf) walk(fn func(*leaf)) {
	fn(l)
	for _, k := range slices.SortedFunc(mapValues(l.kids), func(a, b *leaf) int { return strings.Compare(a.name, b.name) }) {
		k.walk(fn)
	}
}

func mapValues[K comparable, V any](m map[K]V) func(func(V) bool) {
	return func(yield func(V) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

func key(name string) string { return string(coffer.NameKey(name)) }

func (l *leaf) put(k *leaf) { k.parent = l; l.kids[key(k.name)] = k }
func (l *leaf) cut()        { delete(l.parent.kids, key(l.name)) }

func (l *leaf) free(name string) string {
	for n, try := 2, name; ; n++ {
		if l.kids[key(try)] == nil {
			return try
		}
		try = coffer.KeepBothName(name, n)
	}
}

type model struct {
	t     *rapid.T
	p     *person
	root  *leaf
	trash []*leaf // parent still set: where it was
	quota int64
}

func (m *model) used() (n int64) {
	n = m.root.bytes()
	for _, l := range m.trash {
		n += l.bytes()
	}
	return n
}

// living draws a living node; nil when there is none, and then the step does
// nothing.
func (m *model) living(pick func(*leaf) bool) *leaf {
	var all []*leaf
	m.root.walk(func(l *leaf) {
		if pick(l) {
			all = append(all, l)
		}
	})
	if len(all) == 0 {
		return nil
	}
	return rapid.SampledFrom(all).Draw(m.t, "node")
}

func folder(l *leaf) bool   { return !l.file }
func isFile(l *leaf) bool   { return l.file }
func notRoot(l *leaf) bool  { return l.parent != nil }
func (m *model) dir() *leaf { return m.living(folder) }
func (m *model) name() string {
	return rapid.SampledFrom([]string{"a", "A", "b.txt", "B.TXT", "ä", "a\u0308", "c.tar.gz", "x (2)"}).Draw(m.t, "name")
}
func (m *model) how(of ...coffer.IfExists) coffer.IfExists {
	return rapid.SampledFrom(of).Draw(m.t, "if exists")
}

// want compares an error's code.
func (m *model) want(err error, want string) bool {
	m.t.Helper()
	if code(err) != want {
		m.t.Fatalf("got %q (%v), want %q", code(err), err, want)
	}
	return want == ""
}

func (m *model) Upload(t *rapid.T) {
	d, name, how := m.dir(), m.name(), m.how(coffer.Fail, coffer.KeepBoth, coffer.Replace)
	data := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "data")
	size := int64(len(data))
	if rapid.Bool().Draw(t, "unknown length") {
		size = -1
	}
	has, want := d.kids[key(name)], ""
	switch {
	case has != nil && (how == coffer.Fail || how == coffer.Replace && !has.file):
		want = "name_taken"
	case m.quota >= 0 && m.used()+int64(len(data)) > m.quota:
		want = "over_quota"
	case m.quota >= 0 && size < 0:
		want = "over_quota" // the first step does not fit into the small quotas here
	}
	got, created, err := m.p.Upload(ctx, d.id, name, how, files.Body{Reader: bytes.NewReader(data), Size: size})
	if !m.want(err, want) {
		return
	}
	if has != nil && how == coffer.Replace {
		if created || got.ID != has.id {
			t.Fatalf("version: created %v", created)
		}
		has.content = append(has.content, data)
		return
	}
	d.put(&leaf{id: got.ID, name: d.free(name), file: true, content: [][]byte{data}})
}

func (m *model) Mkdir(t *rapid.T) {
	d, name, how := m.dir(), m.name(), m.how(coffer.Fail, coffer.KeepBoth, coffer.Merge)
	has, want := d.kids[key(name)], ""
	if has != nil && (how == coffer.Fail || how == coffer.Merge && has.file) {
		want = "name_taken"
	}
	got, _, err := m.p.CreateFolder(ctx, d.id, name, how)
	if m.want(err, want) && (has == nil || how != coffer.Merge) {
		d.put(&leaf{id: got.ID, name: d.free(name), kids: map[string]*leaf{}})
	}
}

func (m *model) Move(t *rapid.T) {
	l, to, how := m.living(notRoot), m.dir(), m.how(coffer.Fail, coffer.KeepBoth, coffer.Replace, coffer.Merge)
	if l == nil {
		return
	}
	patch := files.Patch{Parent: &to.id, IfExists: how}
	name := l.name
	if rapid.Bool().Draw(t, "rename") {
		name = m.name()
		patch.Name = &name
	}
	has := to.kids[key(name)]
	if has == l {
		has = nil
	}
	onto := has != nil && has.file == l.file && (how == coffer.Merge || how == coffer.Replace && l.file)
	want := ""
	switch {
	case has != nil && how != coffer.KeepBoth && !onto:
		want = "name_taken"
	case to.below(l):
		want = "cycle"
	case onto && l.below(has):
		want = "name_taken"
	}
	if _, err := m.p.Change(ctx, l.id, patch); !m.want(err, want) {
		return
	}
	l.cut()
	if onto {
		m.merge(l, has)
		return
	}
	l.name = to.free(name)
	to.put(l)
}

func (m *model) merge(from, onto *leaf) {
	onto.content = append(onto.content, from.content...)
	for _, k := range slices.SortedFunc(mapValues(from.kids), func(a, b *leaf) int { return bytes.Compare(a.id[:], b.id[:]) }) {
		switch has := onto.kids[key(k.name)]; {
		case has != nil && has.file == k.file:
			m.merge(k, has)
		default:
			k.name = onto.free(k.name)
			onto.put(k)
		}
	}
	for _, gone := range m.trash {
		if gone.parent == from {
			gone.parent = nil
		}
	}
}

func (m *model) Copy(t *rapid.T) {
	l, to, how := m.living(func(*leaf) bool { return true }), m.dir(), m.how(coffer.Fail, coffer.KeepBoth, coffer.Replace)
	name := m.name()
	has, want := to.kids[key(name)], ""
	onto := has != nil && has.file && l.file && how == coffer.Replace
	switch {
	case has != nil && how != coffer.KeepBoth && !onto:
		want = "name_taken"
	case m.quota >= 0 && l.current() > 0 && m.used()+l.current() > m.quota:
		want = "over_quota"
	}
	got, _, err := m.p.Copy(ctx, l.id, to.id, name, how)
	if !m.want(err, want) {
		return
	}
	if onto {
		has.content = append(has.content, l.content[len(l.content)-1])
		return
	}
	twin := m.twin(l)
	twin.id, twin.name = got.ID, to.free(name)
	to.put(twin)
	m.adopt(twin)
}

func (m *model) twin(l *leaf) *leaf {
	c := &leaf{name: l.name, file: l.file}
	if l.file {
		c.content = [][]byte{l.content[len(l.content)-1]}
		return c
	}
	c.kids = map[string]*leaf{}
	for _, k := range l.kids {
		c.put(m.twin(k))
	}
	return c
}

// adopt reads the ids of a copied folder's children.
func (m *model) adopt(l *leaf) {
	if l.file {
		return
	}
	page, err := m.p.Children(ctx, l.id, files.ListOptions{Limit: 10000})
	if err != nil {
		m.t.Fatal(err)
	}
	for _, i := range page.Items {
		if k := l.kids[key(i.Name)]; k != nil {
			k.id = i.ID
			m.adopt(k)
		}
	}
}

func (m *model) Trash(*rapid.T) {
	l := m.living(notRoot)
	if l == nil {
		return
	}
	m.want(m.p.Trash(ctx, l.id, 0), "")
	delete(l.parent.kids, key(l.name))
	m.trash = append(m.trash, l)
}

func (m *model) pickTrash() (*leaf, func()) {
	if len(m.trash) == 0 {
		return nil, nil
	}
	i := rapid.IntRange(0, len(m.trash)-1).Draw(m.t, "trash")
	return m.trash[i], func() { m.trash = slices.Delete(m.trash, i, i+1) }
}

func (m *model) Restore(t *rapid.T) {
	l, drop := m.pickTrash()
	if l == nil {
		return
	}
	to, id, want := l.parent, coffer.ID{}, ""
	if rapid.Bool().Draw(t, "elsewhere") {
		to = m.dir()
		id = to.id
	} else if to == nil || !to.below(m.root) {
		want = "parent_gone"
	} else {
		for f := to; f != nil; f = f.parent {
			if slices.Contains(m.trash, f) {
				want = "parent_gone"
			}
		}
	}
	if _, err := m.p.Restore(ctx, l.id, id); m.want(err, want) {
		drop()
		l.name = to.free(l.name)
		to.put(l)
	}
}

func (m *model) Delete(*rapid.T) {
	l, drop := m.pickTrash()
	if l == nil {
		return
	}
	m.want(second(m.p.Delete(ctx, l.id)), "")
	m.p.w.jobs() // copies of copies may be more rows than are removed at once
	drop()
	m.forget(l)
}

func (m *model) forget(l *leaf) {
	l.walk(func(in *leaf) {
		for _, gone := range m.trash {
			if gone.parent == in {
				gone.parent = nil
			}
		}
	})
}

func (m *model) Read(t *rapid.T) {
	l := m.living(isFile)
	if l == nil {
		return
	}
	got, err := m.p.readVersion(l.id, coffer.ID{})
	if want := l.content[len(l.content)-1]; err != nil || !bytes.Equal(got, want) {
		t.Fatalf("read %q, %v; want %q", got, err, want)
	}
}

func (m *model) Quota(t *rapid.T) {
	m.quota = rapid.SampledFrom([]int64{-1, -1, 100, 1000}).Draw(t, "quota")
	m.p.setQuota(m.quota)
}

// Check (named "" for rapid) compares the whole tree after each step.
func (m *model) compare(t *rapid.T) {
	var check func(l *leaf)
	check = func(l *leaf) {
		page, err := m.p.Children(ctx, l.id, files.ListOptions{Limit: 10000})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Items) != len(l.kids) || int(page.Total) != len(l.kids) {
			t.Fatalf("folder %q has %d children (total %d), the model %d", l.name, len(page.Items), page.Total, len(l.kids))
		}
		for _, i := range page.Items {
			k := l.kids[key(i.Name)]
			if k == nil || k.id != i.ID || k.name != i.Name || k.file != (i.Kind == coffer.File) ||
				k.file && i.Size != int64(len(k.content[len(k.content)-1])) {
				t.Fatalf("child %q %+v, the model has %+v", i.Name, i.Node, k)
			}
			if !k.file {
				check(k)
			}
		}
	}
	check(m.root)
	page, err := m.p.ListTrash(ctx, coffer.ID{}, 10000, "")
	if err != nil || len(page.Items) != len(m.trash) {
		t.Fatalf("trash %d, %v; the model has %d", len(page.Items), err, len(m.trash))
	}
	if s := m.p.space(); s.Used != m.used() || s.Reserved != 0 {
		t.Fatalf("used %d, reserved %d; the model has %d", s.Used, s.Reserved, m.used())
	}
}

// TestModel runs random verbs against a model in memory; both must agree after
// each, and Check must find nothing at the end.
func TestModel(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		n := 0
		rapid.Check(t, func(t *rapid.T) {
			n++
			p := w.person(fmt.Sprint("P", n))
			m := &model{t: t, p: p, quota: -1, root: &leaf{id: p.root, kids: map[string]*leaf{}}}
			step := func(fn func(*rapid.T)) func(*rapid.T) {
				return func(t *rapid.T) { m.t = t; fn(t) }
			}
			t.Repeat(map[string]func(*rapid.T){"": step(m.compare), "upload": step(m.Upload), "mkdir": step(m.Mkdir), "move": step(m.Move), "copy": step(m.Copy),
				"trash": step(m.Trash), "restore": step(m.Restore), "delete": step(m.Delete), "read": step(m.Read), "quota": step(m.Quota)})
		})
		w.jobs()
		w.clean(0)
	})
}
