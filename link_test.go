package coffer_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"coffer"
)

func TestNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7": "192.0.2.0/24", "192.0.2.255": "192.0.2.0/24", "192.0.3.7": "192.0.3.0/24", "::ffff:192.0.2.7": "192.0.2.0/24",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1::/56", "2001:db8:1:ff::1": "2001:db8:1::/56", "2001:db8:1:100::1": "2001:db8:1:100::/56",
		"fe80::1%eth0": "fe80::/56", "::1": "::/56", "": "unknown", "192.0.2.7:80": "unknown", "x": "unknown",
	} {
		if got := coffer.Network(address); got != want {
			t.Errorf("%q is in %q, want %q", address, got, want)
		}
	}
}

// TestLinkMatrix asks for every right of a link's visitors, whoever made it, in
// every space and state, by every path of grants: they have what the maker has,
// no more than the link says, and only to read and to add.
func TestLinkMatrix(t *testing.T) {
	ann, ben := coffer.NewID(), coffer.NewID()
	allowed := map[coffer.LinkMay]int{}
	for _, maker := range principals(ann, ben) {
		if maker.Kind != coffer.UserKind || len(maker.Scopes) > 0 {
			continue
		}
		for _, space := range []coffer.Space{{ID: coffer.NewID(), Kind: coffer.Personal, OwnerID: ann}, {ID: coffer.NewID(), Kind: coffer.Team}, {ID: coffer.NewID(), Kind: coffer.Personal, OwnerID: ann, GivenUpAt: 5}, {}} {
			for _, state := range []coffer.State{coffer.Removed, coffer.Living, coffer.InTrash, 7} {
				for _, w := range ways {
					for _, may := range []coffer.LinkMay{coffer.LinkView, coffer.LinkDownload, coffer.LinkUpload, "", "edit"} {
						for _, off := range []int64{0, 5} {
							l := coffer.Link{ID: ben, May: may, OffAt: off}
							p := coffer.LinkPrincipal(l, maker.User)
							has := coffer.Decide(maker.Principal, space, state, w.held)
							got := coffer.Decide(p, space, state, w.held)
							where := fmt.Sprintf("link %q, off %d, of %v, space %v, state %d, %s", may, off, maker, space.Kind, state, w.name)
							want := map[coffer.LinkMay][]coffer.Right{coffer.LinkView: {coffer.Read}, coffer.LinkDownload: {coffer.Read}, coffer.LinkUpload: {coffer.Read, coffer.Add}}[may]
							if state != coffer.Living || off != 0 || has == coffer.NoAccess || !maker.User.Role.Has(coffer.ShareContent) {
								want = nil
							}
							if got > has || got > coffer.CanEdit {
								t.Fatalf("%s: %v, its maker has %v", where, got, has)
							}
							for right := range coffer.Right(7) {
								err := coffer.Permit(p, got, right)
								switch yes := slices.Contains(want, right) && (right == coffer.Read || has >= coffer.CanEdit); {
								case yes != (err == nil):
									t.Fatalf("%s, right %d: %v", where, right, err)
								case yes:
									allowed[may]++
								case right != coffer.Add && !errors.Is(err, coffer.ErrNotFound):
									t.Fatalf("%s, right %d: %v, want not found", where, right, err)
								}
							}
						}
					}
				}
			}
		}
	}
	if allowed[coffer.LinkView] == 0 || allowed[coffer.LinkUpload] <= allowed[coffer.LinkView] {
		t.Errorf("allowed: %v: the table proves nothing", allowed)
	}
}
