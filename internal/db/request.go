package db

import (
	"strings"

	"coffer"
)

// A RequestSecret is what a file request keeps sealed, and the hash that its
// address is found by.
type RequestSecret struct {
	TokenHash []byte
	Token     []byte // sealed under the space key
	SKVer     uint32
	Password  Password // no bytes: none
}

const requestColumns = `r.id, r.space_id, r.node_id, r.made_by, r.title, r.note, r.created_at, COALESCE(r.ends_at, 0), COALESCE(r.off_at, 0), r.off_by,
	COALESCE(r.max_files, 0), COALESCE(r.max_bytes, 0), r.types, r.ask_email, r.subfolders, r.notify, r.password_sealed IS NOT NULL, r.version,
	r.files, r.bytes, COALESCE(r.last_at, 0)`

func scanRequest(scan scan) (r coffer.FileRequest, err error) {
	var types string
	var ask, sub, notify int64
	err = scan(&r.ID, &r.SpaceID, &r.NodeID, &r.MadeBy, &r.Title, &r.Note, &r.CreatedAt, &r.EndsAt, &r.OffAt, &r.OffBy, &r.MaxFiles, &r.MaxBytes, &types, &ask, &sub, &notify,
		&r.HasPassword, &r.Version, &r.Files, &r.Bytes, &r.LastAt)
	r.Types, r.AskEmail, r.Subfolders, r.Notify = strings.Fields(types), ask == 1, sub == 1, notify == 1
	return r, err
}

// InsertRequest adds a file request, made now.
func (tx *Tx) InsertRequest(r coffer.FileRequest, s RequestSecret) error {
	password, kek := sealedPassword(s.Password)
	_, err := tx.exec(`INSERT INTO file_request (id, space_id, node_id, made_by, title, note, token_hash, token_sealed, sk_ver, password_sealed, kek_ver, version,
			ends_at, max_files, max_bytes, types, ask_email, subfolders, notify, files, bytes, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, $12, $13, $14, $15, $16, $17, $18, 0, 0, $19)`,
		r.ID, r.SpaceID, r.NodeID, r.MadeBy, r.Title, r.Note, s.TokenHash, s.Token, int64(s.SKVer), password, kek,
		orNull(r.EndsAt), orNull(r.MaxFiles), orNull(r.MaxBytes), strings.Join(r.Types, " "), smallint(r.AskEmail), smallint(r.Subfolders), smallint(r.Notify), tx.Now)
	return err
}

// sealedPassword stores no password as NULL.
func sealedPassword(p Password) (sealed, kek any) {
	if len(p.Sealed) == 0 {
		return nil, nil
	}
	return p.Sealed, int64(p.KEKVer)
}

// FileRequest returns a file request.
func (tx *Tx) FileRequest(id coffer.ID) (coffer.FileRequest, error) {
	return scanRequest(tx.row(`SELECT `+requestColumns+` FROM file_request AS r WHERE r.id = $1`, id).Scan)
}

// RequestByToken finds a file request by the hash of its address.
func (tx *Tx) RequestByToken(hash []byte) (coffer.FileRequest, error) {
	return scanRequest(tx.row(`SELECT `+requestColumns+` FROM file_request AS r WHERE r.token_hash = $1`, hash).Scan)
}

// RequestSecret returns what a file request keeps sealed.
func (tx *Tx) RequestSecret(id coffer.ID) (s RequestSecret, err error) {
	var kek *int64
	err = tx.row(`SELECT token_hash, token_sealed, sk_ver, password_sealed, kek_ver FROM file_request WHERE id = $1`, id).
		Scan(&s.TokenHash, &s.Token, &s.SKVer, &s.Password.Sealed, &kek)
	if kek != nil {
		s.Password.KEKVer = uint32(*kek)
	}
	return s, err
}

// A RequestRow is a file request with the names that people know.
type RequestRow struct {
	coffer.FileRequest
	NodeName  string
	MakerName string // "" when the account is gone
}

func scanRequestRow(scan scan) (r RequestRow, err error) {
	r.FileRequest, err = scanRequest(func(dest ...any) error { return scan(append(dest, &r.NodeName, &r.MakerName)...) })
	return r, err
}

const requestRows = `SELECT ` + requestColumns + `, n.name, COALESCE(u.name, '') FROM file_request AS r
	JOIN node AS n ON n.id = r.node_id LEFT JOIN user_account AS u ON u.id = r.made_by `

// RequestRow returns a file request with names.
func (tx *Tx) RequestRow(id coffer.ID) (RequestRow, error) {
	return scanRequestRow(tx.row(requestRows+`WHERE r.id = $1`, id).Scan)
}

// RequestsOf returns the file requests into a folder, made last first.
func (tx *Tx) RequestsOf(node coffer.ID) ([]RequestRow, error) {
	return collect(tx, scanRequestRow, requestRows+`WHERE r.node_id = $1 ORDER BY r.created_at DESC, r.id`, node)
}

// RequestsBy returns the file requests that a person made, last first; of
// everybody when the id is zero.
func (tx *Tx) RequestsBy(maker coffer.ID) ([]RequestRow, error) {
	if maker.IsZero() {
		return collect(tx, scanRequestRow, requestRows+`ORDER BY r.created_at DESC, r.id`)
	}
	return collect(tx, scanRequestRow, requestRows+`WHERE r.made_by = $1 ORDER BY r.created_at DESC, r.id`, maker)
}

// ChangeRequest stores what may be changed of a file request, but its password.
// Running deliveries look at it again.
func (tx *Tx) ChangeRequest(r coffer.FileRequest) error {
	return tx.revokeOne(`UPDATE file_request SET title = $2, note = $3, ends_at = $4, off_at = $5, off_by = $12, max_files = $6, max_bytes = $7, types = $8,
			ask_email = $9, subfolders = $10, notify = $11 WHERE id = $1`,
		r.ID, r.Title, r.Note, orNull(r.EndsAt), orNull(r.OffAt), orNull(r.MaxFiles), orNull(r.MaxBytes), strings.Join(r.Types, " "),
		smallint(r.AskEmail), smallint(r.Subfolders), smallint(r.Notify), r.OffBy)
}

// SetRequestPassword gives a file request another password, or none.
func (tx *Tx) SetRequestPassword(id coffer.ID, p Password) error {
	password, kek := sealedPassword(p)
	return tx.revokeOne(`UPDATE file_request SET password_sealed = $2, kek_ver = $3, version = version + 1 WHERE id = $1`, id, password, kek)
}

// DeleteRequest removes a file request. What came by it stays.
func (tx *Tx) DeleteRequest(id coffer.ID) error {
	return tx.revokeOne(`DELETE FROM file_request WHERE id = $1`, id)
}

// Arriving counts the files that are on their way to a request: the room is
// theirs until they have come, or their time is over.
func (tx *Tx) Arriving(request coffer.ID) (n int64, err error) {
	err = tx.row(`SELECT CAST(COUNT(*) AS BIGINT) FROM upload AS u JOIN delivery AS d ON d.id = u.delivery_id WHERE d.request_id = $1 AND u.expires_at > $2`, request, tx.Now).Scan(&n)
	return n, err
}

// CountReceived adds a file to what a request has received, and reports whether
// it may have one more.
func (tx *Tx) CountReceived(request coffer.ID, bytes int64) (bool, error) {
	n, err := tx.exec(`UPDATE file_request SET files = files + 1, bytes = bytes + $2, last_at = $3
		WHERE id = $1 AND (max_files IS NULL OR files < max_files)`, request, bytes, tx.Now)
	return n == 1, err
}

const deliveryColumns = `d.id, d.request_id, d.name, d.email, d.receipt_to, d.folder_id, d.files, d.bytes, d.started_at, d.last_at, COALESCE(d.closed_at, 0)`

func scanDelivery(scan scan) (d coffer.Delivery, err error) {
	err = scan(&d.ID, &d.RequestID, &d.Name, &d.Email, &d.ReceiptTo, &d.FolderID, &d.Files, &d.Bytes, &d.StartedAt, &d.LastAt, &d.ClosedAt)
	return d, err
}

// InsertDelivery begins a delivery now.
func (tx *Tx) InsertDelivery(d coffer.Delivery) error {
	_, err := tx.exec(`INSERT INTO delivery (id, request_id, name, name_key, email, receipt_to, folder_id, files, bytes, started_at, last_at)
		VALUES ($1, $2, $3, $4, $5, $5, $6, 0, 0, $7, $7)`, d.ID, d.RequestID, d.Name, coffer.NameKey(d.Name), d.Email, d.FolderID, tx.Now)
	return err
}

// Delivery returns a delivery.
func (tx *Tx) Delivery(id coffer.ID) (coffer.Delivery, error) {
	return scanDelivery(tx.row(`SELECT `+deliveryColumns+` FROM delivery AS d WHERE d.id = $1`, id).Scan)
}

// DeliveriesFrom returns the deliveries of one sender to a request, the youngest
// first: those under the same name and address.
func (tx *Tx) DeliveriesFrom(request coffer.ID, name, email string) ([]coffer.Delivery, error) {
	return collect(tx, scanDelivery, `SELECT `+deliveryColumns+` FROM delivery AS d WHERE d.request_id = $1 AND d.name_key = $2 AND d.email = $3
		ORDER BY d.started_at DESC, d.id DESC LIMIT 20`, request, coffer.NameKey(name), email)
}

// CountDelivered adds a file to a delivery, and says where the sender's folder
// is.
func (tx *Tx) CountDelivered(id, folder coffer.ID, bytes int64) error {
	return tx.execOne(`UPDATE delivery SET files = files + 1, bytes = bytes + $2, folder_id = $3, last_at = $4 WHERE id = $1`, id, bytes, folder, tx.Now)
}

// CloseDelivery ends a delivery, once: it reports whether this call did.
func (tx *Tx) CloseDelivery(id coffer.ID) (bool, error) {
	n, err := tx.exec(`UPDATE delivery SET closed_at = $2 WHERE id = $1 AND closed_at IS NULL`, id, tx.Now)
	return n == 1, err
}

// SendReceipt names the address that gets the receipt of a delivery, once: it
// reports whether this call did.
func (tx *Tx) SendReceipt(id coffer.ID, to string) (bool, error) {
	n, err := tx.exec(`UPDATE delivery SET receipt_to = $2 WHERE id = $1 AND receipt_to = '' AND files > 0`, id, to)
	return n == 1, err
}

// QuietDeliveries returns up to limit open deliveries to which nothing was added
// since before a time and nothing is on its way.
func (tx *Tx) QuietDeliveries(before int64, limit int) ([]coffer.Delivery, error) {
	return collect(tx, scanDelivery, `SELECT `+deliveryColumns+` FROM delivery AS d WHERE d.closed_at IS NULL AND d.last_at < $1
		AND NOT EXISTS (SELECT 1 FROM upload AS u WHERE u.delivery_id = d.id) ORDER BY d.last_at LIMIT CAST($2 AS BIGINT)`, before, limit)
}

// PurgeDeliveries forgets deliveries that brought nothing and were closed.
func (tx *Tx) PurgeDeliveries(before int64) error {
	_, err := tx.exec(`DELETE FROM delivery WHERE files = 0 AND closed_at < $1`, before)
	return err
}

// InsertRequestVisit notes that a browser has proved the password of a request,
// of that version. hash is of its cookie.
func (tx *Tx) InsertRequestVisit(request coffer.ID, version int64, hash []byte, address string, until int64) error {
	_, err := tx.exec(`INSERT INTO visit (id, request_id, token_hash, version, proved_at, address, began_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $5, $7)`, coffer.NewID(), request, hash, version, tx.Now, address, until)
	return err
}

// RequestProved reports whether a cookie proves the password of a request, of
// that version.
func (tx *Tx) RequestProved(request coffer.ID, version int64, hash []byte) (yes bool, err error) {
	err = tx.row(`SELECT EXISTS (SELECT 1 FROM visit WHERE token_hash = $1 AND request_id = $2 AND version = $3 AND expires_at > $4)`, hash, request, version, tx.Now).Scan(&yes)
	return yes, err
}
