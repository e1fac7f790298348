package api

import (
	"coffer"
	"coffer/internal/files"
	"coffer/internal/gate"
	"coffer/internal/wire"
)

func (a *API) fileRequest(r files.RequestItem) wire.FileRequest {
	w := wire.FileRequest{ID: r.ID, Title: r.Title, Note: r.Note, CreatedAt: r.CreatedAt, CreatedBy: person(r.By), EndsAt: orNull(r.EndsAt), HasPassword: r.HasPassword,
		MaxFiles: orNull(r.MaxFiles), MaxBytes: orNull(r.MaxBytes), Types: filled(r.Types), AskEmail: r.AskEmail, Subfolders: r.Subfolders,
		Received: wire.RequestReceived{Files: r.Files, Bytes: r.Bytes, LastAt: orNull(r.LastAt)}, Notify: r.Notify, State: string(r.State), Stopped: r.Stopped, MayChange: r.Manage}
	if r.Manage {
		w.Node = &wire.RequestFolder{ID: r.Folder.ID, Name: r.Folder.Name}
	}
	if r.Address != "" {
		w.URL = a.BaseURL.String() + gate.RequestPrefix + r.Address
	}
	return w
}

func (a *API) makeRequest(c *call, in *struct {
	ByID
	Body wire.NewFileRequest
}) (*bodyOf[wire.FileRequest], error) {
	b := in.Body
	n := files.NewRequest{Title: b.Title, Note: b.Note, EndsAt: b.EndsAt.Or(0), Types: b.Types, AskEmail: yes(b.AskEmail), Subfolders: yes(b.Subfolders), Notify: yes(b.Notify),
		Password: or(b.Password, ""), MaxFiles: or(b.MaxFiles, 0), MaxBytes: or(b.MaxBytes, 0)}
	r, err := a.view(c).MakeRequest(c, in.ID, n)
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.FileRequest]{a.fileRequest(r)}, nil
}

// yes is a switch that is on where nothing is said.
func yes(b *bool) bool { return b == nil || *b }

// or is a value, or what stands for its absence and for null.
func or[T any](n wire.Null[T], none T) T {
	if v := n.Or(none); v != nil {
		return *v
	}
	return none
}

func (a *API) listNodeRequests(c *call, in *ByID) (*bodyOf[wire.List[wire.FileRequest]], error) {
	all, err := a.view(c).RequestsOf(c, in.ID)
	if err != nil {
		return nil, err
	}
	return listOf(all, a.fileRequest), nil
}

func (a *API) listRequests(c *call, in *struct {
	State string `query:"state" enum:"live,ended,full,off"`
	All   bool   `query:"all" doc:"Of everybody, without their addresses: for administrators and auditors"`
}) (*bodyOf[wire.List[wire.FileRequest]], error) {
	all, err := a.view(c).Requests(c, coffer.RequestState(in.State), in.All)
	if err != nil {
		return nil, err
	}
	return listOf(all, a.fileRequest), nil
}

func (a *API) getRequest(c *call, in *ByID) (*bodyOf[wire.FileRequest], error) {
	r, err := a.view(c).Request(c, in.ID)
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.FileRequest]{a.fileRequest(r)}, nil
}

func (a *API) changeRequest(c *call, in *struct {
	ByID
	Body wire.FileRequestPatch
}) (*bodyOf[wire.FileRequest], error) {
	b := in.Body
	r, err := a.view(c).ChangeRequest(c, in.ID, files.RequestPatch{Title: b.Title, Note: b.Note, EndsAt: b.EndsAt.Or(0), Password: b.Password.Or(""), MaxFiles: b.MaxFiles.Or(0),
		MaxBytes: b.MaxBytes.Or(0), Types: b.Types, AskEmail: b.AskEmail, Subfolders: b.Subfolders, Notify: b.Notify, Off: b.Off})
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.FileRequest]{a.fileRequest(r)}, nil
}

func (a *API) removeRequest(c *call, in *ByID) (*done, error) {
	return nil, a.view(c).RemoveRequest(c, in.ID)
}

func (a *API) changeRequests(c *call, in *bodyOf[wire.FileRequestBatch]) (*bodyOf[wire.FileRequestResults], error) {
	results, err := a.view(c).ChangeRequests(c, in.Body.IDs, files.RequestPatch{Off: in.Body.Off, EndsAt: in.Body.EndsAt.Or(0)})
	if err != nil {
		return nil, err
	}
	return &bodyOf[wire.FileRequestResults]{wire.FileRequestResults{Results: mapped(results, func(r files.Changed[files.RequestItem]) wire.FileRequestResult {
		w := wire.FileRequestResult{ID: r.ID}
		if r.Err != nil {
			gate.Note(c, r.Err)
			p := gate.Problem(c, r.Err)
			w.Problem = &p
		} else {
			item := a.fileRequest(r.Item)
			w.Request = &item
		}
		return w
	})}}, nil
}
