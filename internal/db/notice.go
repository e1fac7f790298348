package db

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"coffer"
)

// foldFor is how long what happens again is the same notice (ms).
const foldFor = 24 * 60 * 60 * 1000

// A NoticeMail is a mail of notices that is to be written.
type NoticeMail struct {
	UserID coffer.ID
	At     int64
}

// Tell stores a notice of this moment for each of the people whose accounts are
// on. What they were told already, and have neither read nor got by mail, is
// counted up instead. It returns which mails are to be written when.
func (tx *Tx) Tell(n coffer.Notice, people []coffer.ID) (mails []NoticeMail, err error) {
	told, err := json.Marshal(n.Told)
	if err != nil {
		return nil, fmt.Errorf("db: notice %s: %w", n.Kind, err)
	}
	hash := sha256.Sum256([]byte(string(n.Kind) + string(n.ActorID[:]) + string(n.NodeID[:]) + string(n.ObjectID[:])))
	same := hash[:16]
	n.Count = max(n.Count, 1)
	for len(people) > 0 && err == nil {
		some := people[:min(len(people), peopleStep)]
		people = people[len(some):]
		var more []NoticeMail
		more, err = tx.tell(n, same, string(told), some)
		mails = append(mails, more...)
	}
	return mails, err
}

func (tx *Tx) tell(n coffer.Notice, same []byte, told string, people []coffer.ID) (mails []NoticeMail, err error) {
	ids := make([]any, len(people))
	for i, id := range people {
		ids[i] = id
	}
	type listener struct {
		id       coffer.ID
		settings coffer.NoticeSettings
	}
	all, err := collect(tx, func(scan scan) (l listener, err error) {
		err = scan(append([]any{&l.id}, settingFields(&l.settings)...)...)
		return l, err
	}, `SELECT u.id, `+settingColumns+` FROM user_account AS u LEFT JOIN notice_setting AS s ON s.user_id = u.id
		WHERE NOT u.disabled AND u.id IN (`+placeholders(1, len(ids))+`)`, ids...)
	if err != nil {
		return nil, err
	}
	for _, l := range all {
		var at any
		if l.settings.Mails(n.Kind) {
			mail := NoticeMail{l.id, l.settings.MailAt(tx.Now)}
			at, mails = mail.At, append(mails, mail)
		}
		again, err := tx.exec(`UPDATE notice SET count = count + $3, at = $4, told = $5, mail_at = COALESCE(mail_at, $6)
			WHERE user_id = $1 AND same = $2 AND read_at IS NULL AND mailed = 0 AND at > $7`,
			l.id, same, n.Count, tx.Now, told, at, tx.Now-foldFor)
		if err != nil || again > 0 {
			if err != nil {
				return nil, err
			}
			continue
		}
		_, err = tx.exec(`INSERT INTO notice (id, user_id, at, kind, same, actor_id, node_id, object_id, count, told, mail_at, mailed)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0)`,
			coffer.NewID(), l.id, tx.Now, n.Kind, same, n.ActorID, n.NodeID, n.ObjectID, n.Count, told, at)
		if err != nil {
			return nil, err
		}
	}
	return mails, nil
}

const noticeColumns = `id, user_id, at, kind, actor_id, node_id, object_id, count, told, read_at IS NOT NULL`

func scanNotice(scan scan) (n coffer.Notice, err error) {
	var told []byte
	if err = scan(&n.ID, &n.UserID, &n.At, &n.Kind, &n.ActorID, &n.NodeID, &n.ObjectID, &n.Count, &told, &n.Read); err != nil {
		return n, err
	}
	return n, json.Unmarshal(told, &n.Told)
}

// Notices returns a person's notices before a place in the list, newest first.
func (tx *Tx) Notices(user coffer.ID, at int64, before coffer.ID, limit int) ([]coffer.Notice, error) {
	return collect(tx, scanNotice, `SELECT `+noticeColumns+` FROM notice
		WHERE user_id = $1 AND (at < $2 OR at = $2 AND id < $3) ORDER BY at DESC, id DESC LIMIT CAST($4 AS BIGINT)`, user, at, before, limit)
}

// UnreadNotices counts what a person has not read.
func (tx *Tx) UnreadNotices(user coffer.ID) (n int64, err error) {
	err = tx.row(`SELECT CAST(COUNT(*) AS BIGINT) FROM notice WHERE user_id = $1 AND read_at IS NULL`, user).Scan(&n)
	return n, err
}

// ReadNotice marks one of a person's notices as read.
func (tx *Tx) ReadNotice(user, id coffer.ID) error {
	return tx.execOne(`UPDATE notice SET read_at = COALESCE(read_at, $3) WHERE user_id = $1 AND id = $2`, user, id, tx.Now)
}

// ReadNotices marks all of a person's notices as read.
func (tx *Tx) ReadNotices(user coffer.ID) error {
	_, err := tx.exec(`UPDATE notice SET read_at = $2 WHERE user_id = $1 AND read_at IS NULL`, user, tx.Now)
	return err
}

// NoticesToMail returns what is due to be mailed to a person, oldest first.
func (tx *Tx) NoticesToMail(user coffer.ID, limit int) ([]coffer.Notice, error) {
	return collect(tx, scanNotice, `SELECT `+noticeColumns+` FROM notice
		WHERE user_id = $1 AND mail_at <= $2 ORDER BY at, id LIMIT CAST($3 AS BIGINT)`, user, tx.Now, limit)
}

// NoticeMailed notes that a notice was mailed, or will not be, and reports
// whether nobody else did.
func (tx *Tx) NoticeMailed(id coffer.ID) (bool, error) {
	n, err := tx.exec(`UPDATE notice SET mail_at = NULL, mailed = 1 WHERE id = $1 AND mail_at IS NOT NULL`, id)
	return n == 1, err
}

// NoticesMailed notes that a mail of notices is written for a person now.
func (tx *Tx) NoticesMailed(user coffer.ID) error {
	_, err := tx.exec(`INSERT INTO notice_setting (user_id, shares, links, requests, storage, digest, names, mailed_at) VALUES ($1, TRUE, TRUE, TRUE, TRUE, FALSE, TRUE, $2)
		ON CONFLICT (user_id) DO UPDATE SET mailed_at = excluded.mailed_at`, user, tx.Now)
	return err
}

// LateNoticeMails returns people who should have got a mail of notices before a
// time, at most limit.
func (tx *Tx) LateNoticeMails(before int64, limit int) ([]coffer.ID, error) {
	return collect(tx, scanID, `SELECT DISTINCT user_id FROM notice WHERE mail_at < $1 ORDER BY user_id LIMIT CAST($2 AS BIGINT)`, before, limit)
}

// PurgeNotices forgets notices from before a time.
func (tx *Tx) PurgeNotices(before int64) error {
	_, err := tx.exec(`DELETE FROM notice WHERE at < $1`, before)
	return err
}

const settingColumns = `COALESCE(s.shares, TRUE), COALESCE(s.links, TRUE), COALESCE(s.requests, TRUE), COALESCE(s.storage, TRUE),
	COALESCE(s.digest, FALSE), COALESCE(s.names, TRUE), COALESCE(s.mailed_at, 0)` // as coffer.DefaultNotices

func settingFields(s *coffer.NoticeSettings) []any {
	return []any{&s.Shares, &s.Links, &s.Requests, &s.Storage, &s.Digest, &s.Names, &s.MailedAt}
}

// NoticeSettings returns how a person gets notices by mail.
func (tx *Tx) NoticeSettings(user coffer.ID) (s coffer.NoticeSettings, err error) {
	err = tx.row(`SELECT `+settingColumns+` FROM notice_setting AS s WHERE s.user_id = $1`, user).Scan(settingFields(&s)...)
	if errors.Is(err, coffer.ErrNotFound) {
		return coffer.DefaultNotices, nil
	}
	return s, err
}

// SetNoticeSettings stores how a person gets notices by mail; MailedAt stays.
func (tx *Tx) SetNoticeSettings(user coffer.ID, s coffer.NoticeSettings) error {
	_, err := tx.exec(`INSERT INTO notice_setting (user_id, shares, links, requests, storage, digest, names, mailed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (user_id) DO UPDATE SET shares = excluded.shares, links = excluded.links, requests = excluded.requests, storage = excluded.storage,
			digest = excluded.digest, names = excluded.names`,
		user, s.Shares, s.Links, s.Requests, s.Storage, s.Digest, s.Names, s.MailedAt)
	return err
}
