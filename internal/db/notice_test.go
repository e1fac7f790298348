package db_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"coffer"
	"coffer/internal/db"
	"coffer/internal/db/dbtest"
)

// TestTell: equal notices are one until it is read or mailed, or a day is over;
// accounts that are off get none; a list goes on where a page ended.
func TestTell(t *testing.T) {
	dbtest.EachWith(t, func(t *testing.T, open func(db.Options) *db.DB) {
		now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
		v := newDrive(t, open(db.Options{Now: func() time.Time { return now }}))
		ann, ben, off := v.person("ada"), v.person("ben"), v.person("off")
		v.update(func(tx *db.Tx) error { return tx.SetUserDisabled(off, true) })
		tell := func(kind coffer.NoticeKind, node coffer.ID, to ...coffer.ID) (mails []db.NoticeMail) {
			t.Helper()
			v.update(func(tx *db.Tx) (err error) {
				mails, err = tx.Tell(coffer.Notice{Kind: kind, NodeID: node, ActorID: ann, Told: coffer.NoticeText{By: "Ann", Name: "x"}}, to)
				return err
			})
			return mails
		}
		list := func(user coffer.ID) (all []coffer.Notice) {
			t.Helper()
			v.view(func(tx *db.Tx) (err error) { all, err = tx.Notices(user, 1<<62, coffer.ID{}, 100); return err })
			return all
		}
		counts := func(what string, user coffer.ID, want ...int64) {
			t.Helper()
			var got []int64
			for _, n := range list(user) {
				got = append(got, n.Count)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: counts %v, want %v", what, got, want)
			}
		}
		due := now.Add(time.Minute).UnixMilli()
		a, b := coffer.NewID(), coffer.NewID()
		if mails := tell(coffer.ShareGiven, a, ben, off); !slices.Equal(mails, []db.NoticeMail{{UserID: ben, At: due}}) {
			t.Errorf("mails %v", mails)
		}
		counts("off", off)
		now = now.Add(time.Second)
		tell(coffer.ShareGiven, a, ben)
		tell(coffer.ShareEnded, a, ben)
		now = now.Add(time.Second)
		tell(coffer.ShareGiven, b, ben, ann)
		counts("folded", ben, 1, 1, 2)
		if mails := tell(coffer.NewSignIn, a, ben); len(mails) != 0 {
			t.Errorf("a sign-in is mailed: %v", mails)
		}
		counts("other people's", ann, 1)

		// Read: the next one is another.
		first := list(ben)[3]
		if first.NodeID != a || first.Kind != coffer.ShareGiven || first.Told.By != "Ann" || first.ActorID != ann || first.Read {
			t.Errorf("the oldest: %+v", first)
		}
		v.update(func(tx *db.Tx) error {
			if err := tx.ReadNotice(ann, first.ID); err != coffer.ErrNotFound {
				t.Errorf("read for another person: %v", err)
			}
			return tx.ReadNotice(ben, first.ID)
		})
		now = now.Add(time.Second)
		tell(coffer.ShareGiven, a, ben)
		counts("after it was read", ben, 1, 1, 1, 1, 2)
		v.view(func(tx *db.Tx) error {
			n, err := tx.UnreadNotices(ben)
			if n != 4 {
				t.Errorf("%d unread, want 4", n)
			}
			all := list(ben)
			rest, err2 := tx.Notices(ben, all[1].At, all[1].ID, 2)
			if err == nil && err2 == nil && (len(rest) != 2 || rest[0].ID != all[2].ID || rest[1].ID != all[3].ID) {
				t.Errorf("the next page: %v", rest)
			}
			none, err3 := tx.NoticesToMail(ben, 10)
			if len(none) != 0 {
				t.Errorf("due before their time: %v", none)
			}
			return errors.Join(err, err2, err3)
		})

		// Mailed: once, and the next one is another.
		now = now.Add(5 * time.Minute)
		v.update(func(tx *db.Tx) error {
			all, err := tx.NoticesToMail(ben, 10)
			if err != nil || len(all) != 4 || all[0].ID != first.ID {
				t.Errorf("due: %v, %v", all, err)
			}
			for _, n := range all {
				once, err := tx.NoticeMailed(n.ID)
				twice, err2 := tx.NoticeMailed(n.ID)
				if !once || twice || err != nil || err2 != nil {
					t.Errorf("mailed: %v, then %v; %v %v", once, twice, err, err2)
				}
			}
			return tx.NoticesMailed(ben)
		})
		if mails := tell(coffer.ShareGiven, b, ben); len(mails) != 1 || mails[0].At < now.Add(15*time.Minute).UnixMilli() {
			t.Errorf("soon after the last mail: %v", mails)
		}
		counts("after the mail", ben, 1, 1, 1, 1, 1, 2)
		now = now.Add(25 * time.Hour)
		tell(coffer.ShareGiven, b, ben)
		counts("another day", ben, 1, 1, 1, 1, 1, 1, 2)
		v.update(func(tx *db.Tx) error {
			late, err := tx.LateNoticeMails(now.Add(-time.Hour).UnixMilli(), 10)
			if err != nil || len(late) != 2 { // Ann's was not mailed either
				t.Errorf("late: %v, %v", late, err)
			}
			return tx.PurgeNotices(now.Add(-time.Hour).UnixMilli())
		})
		counts("purged", ben, 1)
	})
}

// TestNoticeSettings: defaults without a row, one row after, and a mail does not
// undo what was chosen.
func TestNoticeSettings(t *testing.T) {
	dbtest.EachWith(t, func(t *testing.T, open func(db.Options) *db.DB) {
		v := newDrive(t, open(db.Options{Now: func() time.Time { return time.UnixMilli(5_000) }}))
		ben := v.person("ben")
		get := func() (s coffer.NoticeSettings) {
			t.Helper()
			v.view(func(tx *db.Tx) (err error) { s, err = tx.NoticeSettings(ben); return err })
			return s
		}
		if got := get(); got != coffer.DefaultNotices {
			t.Errorf("without a row: %+v", got)
		}
		v.update(func(tx *db.Tx) error { return tx.NoticesMailed(ben) })
		want := coffer.DefaultNotices
		want.MailedAt = 5_000
		if got := get(); got != want {
			t.Errorf("after a mail: %+v", got)
		}
		want.Shares, want.Digest = false, true
		v.update(func(tx *db.Tx) error { return tx.SetNoticeSettings(ben, want) })
		v.update(func(tx *db.Tx) error { return tx.NoticesMailed(ben) })
		if got := get(); got != want {
			t.Errorf("changed: %+v, want %+v", got, want)
		}
		v.update(func(tx *db.Tx) error {
			mails, err := tx.Tell(coffer.Notice{Kind: coffer.ShareGiven}, []coffer.ID{ben})
			if len(mails) != 0 {
				t.Errorf("mailed in spite of the switch: %v", mails)
			}
			return err
		})
	})
}
