package api

import (
	"net/http"

	"coffer"
	"coffer/internal/files"
	"coffer/internal/wire"
)

// ByVersion is the place of one version in a path.
type ByVersion struct {
	ByID
	Version coffer.ID `path:"version" doc:"Id of the version"`
}

func version(v files.VersionItem) wire.Version {
	return wire.Version{ID: v.ID, Number: v.Number, Size: v.Size, MediaType: v.MediaType, SHA256: v.SHA256,
		CreatedAt: v.CreatedAt, CreatedBy: person(v.CreatedBy), Current: v.Current, Keep: v.Keep}
}

func (a *API) listVersions(c *call, in *struct {
	ByID
	Limit  int    `query:"limit" minimum:"1" maximum:"10000" doc:"Default 200"`
	Cursor string `query:"cursor" maxLength:"4096" doc:"next of the page before"`
}) (*bodyOf[wire.List[wire.Version]], error) {
	p, err := a.view(c).Versions(c, in.ID, in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	return pageOf(p, version), nil
}

func (a *API) restoreVersion(c *call, in *ByVersion) (*nodeAnswer, error) {
	d, err := a.view(c).RestoreVersion(c, in.ID, in.Version)
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, d), nil
}

func (a *API) changeVersion(c *call, in *struct {
	ByVersion
	Body wire.VersionPatch
}) (*bodyOf[wire.Version], error) {
	v, err := a.view(c).KeepVersion(c, in.ID, in.Version, in.Body.Keep)
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.Version]{version(v)}, nil
}

func (a *API) deleteVersion(c *call, in *ByVersion) (*bodyOf[wire.Erased], error) {
	final, err := a.view(c).DeleteVersion(c, in.ID, in.Version)
	return &bodyOf[wire.Erased]{wire.Erased{FinalAt: final}}, err
}
