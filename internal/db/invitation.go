package db

import "coffer"

// Invitation is an address that may join. Only the hash of its token is kept.
type Invitation struct {
	ID        coffer.ID
	Email     string
	Role      coffer.Role
	InvitedBy coffer.ID // zero: the server itself
	CreatedAt int64
	SentAt    int64
	ExpiresAt int64

	// Who invited, as they are now; empty for the server itself.
	InviterName     string
	InviterRole     coffer.Role
	InviterDisabled bool
}

const selectInvitation = `SELECT i.id, i.email, i.role, i.invited_by, i.created_at, i.sent_at, i.expires_at,
	COALESCE(u.name, ''), COALESCE(u.role, ''), COALESCE(u.disabled, FALSE)
	FROM invitation AS i LEFT JOIN user_account AS u ON u.id = i.invited_by `

func scanInvitation(scan scan) (i Invitation, err error) {
	err = scan(&i.ID, &i.Email, &i.Role, &i.InvitedBy, &i.CreatedAt, &i.SentAt, &i.ExpiresAt, &i.InviterName, &i.InviterRole, &i.InviterDisabled)
	return i, err
}

// PutInvitation stores an invitation, made and sent now; it takes the place of
// any other of that address.
func (tx *Tx) PutInvitation(i Invitation, tokenHash []byte) error {
	_, err := tx.exec(`INSERT INTO invitation (id, email, role, invited_by, token_hash, created_at, sent_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $6, $7)
		ON CONFLICT (email) DO UPDATE SET id = excluded.id, role = excluded.role, invited_by = excluded.invited_by, token_hash = excluded.token_hash,
			created_at = excluded.created_at, sent_at = excluded.sent_at, expires_at = excluded.expires_at`,
		i.ID, i.Email, i.Role, i.InvitedBy, tokenHash, tx.Now, i.ExpiresAt)
	return err
}

// RenewInvitation gives an invitation another token, end and inviter: it was
// sent again now, and the token before counts no more.
func (tx *Tx) RenewInvitation(id, by coffer.ID, tokenHash []byte, expires int64) error {
	return tx.execOne(`UPDATE invitation SET invited_by = $2, token_hash = $3, sent_at = $4, expires_at = $5 WHERE id = $1`, id, by, tokenHash, tx.Now, expires)
}

// Invitation returns an invitation, ended or not.
func (tx *Tx) Invitation(id coffer.ID) (Invitation, error) {
	return scanInvitation(tx.row(selectInvitation+`WHERE i.id = $1`, id).Scan)
}

// InvitationByToken returns the invitation of a mailed token, ended or not.
func (tx *Tx) InvitationByToken(hash []byte) (Invitation, error) {
	return scanInvitation(tx.row(selectInvitation+`WHERE i.token_hash = $1`, hash).Scan)
}

// Invitations returns all invitations, ended ones too, sent last first.
func (tx *Tx) Invitations() ([]Invitation, error) {
	return collect(tx, scanInvitation, selectInvitation+`ORDER BY i.sent_at DESC, i.id DESC`)
}

// TakeInvitation removes the invitation of a mailed token: it counts once.
// coffer.ErrNotFound when it is gone or its time is over.
func (tx *Tx) TakeInvitation(hash []byte) error {
	return tx.execOne(`DELETE FROM invitation WHERE token_hash = $1 AND expires_at > $2`, hash, tx.Now)
}

// DeleteInvitation removes one invitation.
func (tx *Tx) DeleteInvitation(id coffer.ID) error {
	return tx.execOne(`DELETE FROM invitation WHERE id = $1`, id)
}

// DeleteInvitationOf removes the invitation of an address, if there is one.
func (tx *Tx) DeleteInvitationOf(email string) error {
	_, err := tx.exec(`DELETE FROM invitation WHERE email = $1`, email)
	return err
}

// PurgeInvitations removes invitations that ended before a time.
func (tx *Tx) PurgeInvitations(before int64) error {
	_, err := tx.exec(`DELETE FROM invitation WHERE expires_at <= $1`, before)
	return err
}
