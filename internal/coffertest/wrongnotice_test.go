package coffertest

import (
	"path"

	"coffer"
	"coffer/internal/wire"
)

// beTold gives Ann a notice, and a link for somebody.
func (v *victim) beTold() {
	owner := v.S.Owner
	shelf := owner.Do("POST", "/nodes/"+owner.Root().String()+"/folders", wire.NewFolder{Name: "for Ann"}).Want(201).Node()
	owner.Do("POST", "/nodes/"+shelf.ID.String()+"/grants", wire.NewGrant{Email: v.Email, Role: "view"}).Want(201)
	var told wire.Notices
	v.Do("GET", "/notices", nil).Want(200).JSON(&told)
	v.notice = told.Items[0].ID
	v.Do("POST", "/nodes/"+v.folder.ID.String()+"/links", wire.NewLink{Recipients: []string{"canary@example.com"}}).Want(201).JSON(&v.named)
	v.recipient = v.named.Recipients[0].ID
	v.secrets = append(v.secrets, v.notice.String(), v.recipient.String(), path.Base(v.named.URL))
}

// noticeAttempts are the attempts at what Ann was told, and at whom her links
// are for.
func (v *victim) noticeAttempts() map[string][]attempt {
	link := "/links/" + v.link.ID.String()
	return map[string][]attempt{
		"GET /notices":       {{path: "/notices"}, {path: "/notices?limit=1"}},
		"POST /notices/read": {{path: "/notices/read", body: wire.NoticesRead{IDs: []coffer.ID{v.notice}}, code: "not_found"}},
		"GET /me/notices":    {{path: "/me/notices"}},
		"PATCH /me/notices":  {{path: "/me/notices", body: wire.NoticeSettings{}}},

		"POST /links/{id}/recipients":               {{path: link + "/recipients", body: wire.NewRecipients{Emails: []string{"eve@example.com"}}, code: "not_found"}},
		"DELETE /links/{id}/recipients/{recipient}": {{path: link + "/recipients/" + v.recipient.String(), code: "not_found"}},
		"GET /links/{id}/receipts":                  {{path: link + "/receipts", code: "not_found"}, {path: link + "/receipts?format=csv", code: "not_found"}},
	}
}
