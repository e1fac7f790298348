package coffer_test

import (
	"testing"
	"time"

	"coffer"
)

// TestMailAt: a notice waits for more, keeps away from the last mail, or waits
// for the digest; always to a whole minute, so that one mail takes all.
func TestMailAt(t *testing.T) {
	at := func(text string) int64 {
		t.Helper()
		v, err := time.Parse(time.DateTime, "2026-11-"+text)
		if err != nil {
			t.Fatal(err)
		}
		return v.UnixMilli()
	}
	for _, r := range []struct {
		what         string
		digest       bool
		mailed       int64
		now, expects string
	}{
		{"first", false, 0, "23 12:00:00", "23 12:01:00"},
		{"in a minute that has begun", false, 0, "23 12:00:01", "23 12:02:00"},
		{"soon after a mail", false, at("23 11:58:30"), "23 12:00:00", "23 12:14:00"},
		{"long after a mail", false, at("23 11:00:00"), "23 12:00:00", "23 12:01:00"},
		{"digest before the hour", true, at("23 05:00:00"), "23 05:59:59", "23 06:00:00"},
		{"digest at the hour", true, 0, "23 06:00:00", "24 06:00:00"},
		{"digest at the end of the month", true, 0, "30 12:00:00", "31 06:00:00"},
	} {
		want := time.Date(2026, 12, 1, 6, 0, 0, 0, time.UTC).UnixMilli()
		if r.expects[:2] != "31" {
			want = at(r.expects)
		}
		s := coffer.NoticeSettings{Digest: r.digest, MailedAt: r.mailed}
		if got := s.MailAt(at(r.now)); got != want {
			t.Errorf("%s: %s, want %s", r.what, time.UnixMilli(got).UTC(), time.UnixMilli(want).UTC())
		}
	}
}

// TestMails: each kind hangs on one switch, and a sign-in on none.
func TestMails(t *testing.T) {
	for kind, only := range map[coffer.NoticeKind]coffer.NoticeSettings{
		coffer.ShareGiven: {Shares: true}, coffer.ShareEnded: {Shares: true}, coffer.StorageLow: {Storage: true},
		coffer.LinkOpened: {Links: true}, coffer.LinkGot: {Links: true}, coffer.LinkWrong: {Links: true}, coffer.LinkEnding: {Links: true}, coffer.NewSignIn: {},
	} {
		all := coffer.DefaultNotices
		if want := only != (coffer.NoticeSettings{}); only.Mails(kind) != want || all.Mails(kind) != want {
			t.Errorf("%s: %v with its switch, %v with all, want %v", kind, only.Mails(kind), all.Mails(kind), want)
		}
		all.Shares, all.Links, all.Requests, all.Storage = !only.Shares, !only.Links, !only.Requests, !only.Storage
		if all.Mails(kind) {
			t.Errorf("%s is mailed with its switch off", kind)
		}
	}
}
