package api

import (
	"github.com/danielgtaylor/huma/v2"

	"coffer"
	"coffer/internal/gate"
)

// Route is one line of the table.
type Route struct {
	Method  string
	Path    string      // below Prefix, {id} stands for an object
	Access  gate.Access // who may call it at all; what they may do to an object, the services decide
	Name    string      // the verb: operationId of the document
	Summary string
	Status  int // of the usual success; 0: 200 with a body, 204 without

	register func(huma.API, huma.Operation)
}

// table is every route of the API. Safe methods change nothing, but that the
// first GET /spaces makes a person's own space.
func (a *API) table() []Route {
	public, signedIn := gate.Public(), gate.SignedIn()
	account, admin := gate.Scoped(coffer.ScopeAccount), gate.Scoped(coffer.ScopeAdmin)
	read, write, share := gate.Scoped(coffer.ScopeFilesRead), gate.Scoped(coffer.ScopeFilesWrite), gate.Scoped(coffer.ScopeShare)
	return []Route{
		{"GET", "/openapi.json", public, "getDocument", "This document", 0, a.raw(a.getDocument, describeDocument)},
		{"GET", "/instance", public, "getInstance", "What anybody may know of the server", 0, typed(a.getInstance)},
		{"POST", "/setup", public, "setUp", "Make the first owner, with the code from the server's log", 201, typed(a.setUp)},

		{"POST", "/signup", public, "signUp", "Ask for an account; a mail brings the code", 202, typed(a.signUp)},
		{"GET", "/signup", public, "getSignup", "The account that this browser asked for", 0, typed(a.getSignup)},
		{"PATCH", "/signup", public, "changeSignup", "Correct the address before it is confirmed", 202, typed(a.changeSignup)},
		{"POST", "/signup/resend", public, "resendSignup", "Send the mail again; the old code ends", 202, typed(a.resendSignup)},
		{"POST", "/signup/inspect", public, "inspectSignup", "What the button of a mail would confirm", 0, typed(a.inspectSignup)},
		{"POST", "/signup/confirm", public, "confirmSignup", "Confirm an address, with the code or the mail's token", 0, typed(a.confirmSignup)},

		{"POST", "/session", public, "signIn", "Sign a browser in", 0, typed(a.signIn)},
		{"GET", "/session", signedIn, "getSession", "Who am I", 0, typed(a.getSession)},
		{"DELETE", "/session", signedIn, "signOut", "End this session or token", 0, typed(a.signOut)},
		{"GET", "/sessions", account, "listSessions", "Browsers that are signed in", 0, typed(a.listSessions)},
		{"DELETE", "/sessions", account, "endSessions", "End all sessions but this one", 0, typed(a.endSessions)},
		{"DELETE", "/sessions/{id}", account, "endSession", "End one session", 0, typed(a.endSession)},
		{"POST", "/tokens", public, "createToken", "Make a token for a program, with the password", 201, typed(a.createToken)},
		{"GET", "/tokens", account, "listTokens", "Tokens of programs", 0, typed(a.listTokens)},
		{"DELETE", "/tokens/{id}", account, "endToken", "End one token", 0, typed(a.endToken)},
		{"PUT", "/password", account, "changePassword", "Change the own password; all other sessions and tokens end", 0, typed(a.changePassword)},
		{"POST", "/password/forgot", public, "forgotPassword", "Ask for a mail to set a new password", 202, typed(a.forgotPassword)},
		{"POST", "/password/reset", public, "resetPassword", "Set a new password with the mail's token; all sessions end", 0, typed(a.resetPassword)},
		{"PATCH", "/me", account, "changeMe", "Change the own name, theme or language", 0, typed(a.changeMe)},
		{"GET", "/me/notices", account, "getNoticeSettings", "Which notices the caller gets by mail", 0, typed(a.getNoticeSettings)},
		{"PATCH", "/me/notices", account, "changeNoticeSettings", "Choose which notices come by mail, and when", 0, typed(a.changeNoticeSettings)},
		{"GET", "/notices", read, "listNotices", "What the caller was told, newest first", 0, typed(a.listNotices)},
		{"POST", "/notices/read", write, "readNotices", "Mark notices as read", 0, typed(a.readNotices)},
		{"POST", "/me/delete", account, "deleteMe", "Delete the own account and all its files for ever, with the password", 204, typed(a.deleteMe)},
		{"GET", "/settings", admin, "getSettings", "The installation's policies", 0, typed(a.getSettings)},
		{"PATCH", "/settings", admin, "changeSettings", "Change the installation's policies", 0, typed(a.changeSettings)},

		{"GET", "/policy", signedIn, "getPolicy", "What is allowed of sharing with people outside", 0, typed(a.getPolicy)},
		{"PATCH", "/policy", admin, "changePolicy", "Change what is allowed of sharing with people outside", 0, typed(a.changePolicy)},

		{"GET", "/people", admin, "listPeople", "All people by name, with what they use and may use", 0, typed(a.listPeople)},
		{"PATCH", "/people/{id}", admin, "changePerson", "Change a person's quota", 0, typed(a.changePerson)},
		{"GET", "/keys", admin, "getKeys", "How the keys of the installation are", 0, typed(a.getKeys)},
		{"GET", "/damaged", read, "listDamaged", "Files whose stored content is damaged: to administrators all, to others their own", 0, typed(a.listDamaged)},

		{"GET", "/invitations", admin, "listInvitations", "Invitations, pending and ended, sent last first", 0, typed(a.listInvitations)},
		{"POST", "/invitations", admin, "invite", "Invite an address; a mail brings the link", 201, typed(a.invite)},
		{"POST", "/invitations/{id}/resend", admin, "resendInvitation", "Send an invitation again; the old link ends", 202, typed(a.resendInvitation)},
		{"DELETE", "/invitations/{id}", admin, "withdrawInvitation", "Withdraw an invitation", 0, typed(a.withdrawInvitation)},
		{"POST", "/invitation/inspect", public, "inspectInvitation", "What an invitation's mail is about", 0, typed(a.inspectInvitation)},
		{"POST", "/invitation/accept", public, "acceptInvitation", "Make the account that one was invited to, and sign in", 201, typed(a.acceptInvitation)},

		{"GET", "/spaces", read, "listSpaces", "Spaces the caller has", 0, typed(a.listSpaces)},
		{"GET", "/search", read, "search", "Files and folders by a part of their names, wherever the caller may open them", 0, typed(a.search)},
		{"GET", "/recent", read, "listRecent", "What the caller opened or changed, and what others changed where the caller may look, newest first", 0, typed(a.listRecent)},
		{"GET", "/pins", read, "listPins", "What the caller has pinned, in the order of pinning", 0, typed(a.listPins)},
		{"PUT", "/pins/{id}", write, "pin", "Pin a file or folder, to have it at hand", 0, typed(a.pin)},
		{"DELETE", "/pins/{id}", write, "unpin", "Unpin", 0, typed(a.unpin)},
		{"POST", "/spaces", write, "makeSpace", "Make a team space", 201, typed(a.makeSpace)},
		{"PATCH", "/spaces/{id}", write, "renameSpace", "Rename a team space", 0, typed(a.renameSpace)},
		{"DELETE", "/spaces/{id}", write, "removeSpace", "Delete a team space with all that it holds for ever", 0, typed(a.removeSpace)},
		{"GET", "/teams", admin, "listTeams", "All team spaces, their owners and how much they hold", 0, typed(a.listTeams)},
		{"PATCH", "/teams/{id}", admin, "changeTeam", "Set what a team space may hold, or give it one more owner", 0, typed(a.changeTeam)},
		{"DELETE", "/people/{id}", admin, "removePerson", "Delete an account, whose files were handed over, for ever", 0, typed(a.removePerson)},
		{"POST", "/people/{id}/hand-over", admin, "handOver", "Hand the own space of a person over to another, as a team space", 201, typed(a.handOver)},
		{"GET", "/resolve", read, "resolvePath", "The node at a path", 0, typed(a.resolvePath)},
		{"GET", "/nodes/{id}", read, "getNode", "One file or folder", 0, typed(a.getNode)},
		{"PATCH", "/nodes/{id}", write, "changeNode", "Rename or move", 0, typed(a.changeNode)},
		{"DELETE", "/nodes/{id}", write, "trashNode", "Move to the trash", 0, typed(a.trashNode)},
		{"GET", "/nodes/{id}/children", read, "listChildren", "What a folder holds, folders first", 0, typed(a.listChildren)},
		{"POST", "/nodes/{id}/folders", write, "createFolder", "Make a folder in this one", 201, typed(a.createFolder)},
		{"POST", "/nodes/{id}/copy", write, "copyNode", "Copy into a folder", 201, typed(a.copyNode)},
		{"POST", "/nodes/{id}/check", write, "checkFiles", "Would these files be accepted in this folder?", 0, typed(a.checkFiles)},
		{"POST", "/batch", write, "batch", "Do one thing to many nodes", 0, typed(a.batch)},
		{"GET", "/jobs", read, "listJobs", "Large batches that the caller has started in the last day, newest first", 0, typed(a.listJobs)},
		{"GET", "/jobs/{id}", read, "getJob", "How far a large batch is", 0, typed(a.getJob)},
		{"DELETE", "/jobs/{id}", write, "cancelJob", "End a large batch: what is not whole yet is removed", 200, typed(a.cancelJob)},

		{"PUT", "/nodes/{id}/files", write, "uploadFile", "Store a new file in this folder", 201, a.raw(a.uploadFile, describeUpload)},
		{"PUT", "/nodes/{id}/content", write, "uploadVersion", "Give a file new content", 0, a.raw(a.uploadVersion, describeUploadVersion)},
		{"GET", "/nodes/{id}/content", read, "getContent", "A file's content, or a range of it", 0, a.raw(a.getContent, describeContent)},
		{"HEAD", "/nodes/{id}/content", read, "headContent", "What GET would say, without the content", 0, a.raw(a.getContent, describeContent)},
		{"GET", "/nodes/{id}/thumbnail", read, "getThumbnail", "A small picture of a file", 0, a.raw(a.getThumbnail, describeThumbnail)},
		{"GET", "/nodes/{id}/versions", read, "listVersions", "The contents that a file has and had, newest first", 0, typed(a.listVersions)},
		{"POST", "/nodes/{id}/versions/{version}/restore", write, "restoreVersion", "Make an older content the present one, as a new version", 0, typed(a.restoreVersion)},
		{"PATCH", "/nodes/{id}/versions/{version}", write, "changeVersion", "Keep a version for ever, or no longer", 0, typed(a.changeVersion)},
		{"DELETE", "/nodes/{id}/versions/{version}", write, "deleteVersion", "Delete an older version for ever", 0, typed(a.deleteVersion)},
		{"POST", "/nodes/{id}/ticket", read, "createTicket", "An address that opens a file for five minutes, for whatever can send no proof", 201, typed(a.createTicket)},
		{"POST", "/zip", read, "createZip", "An address that opens files and folders as one ZIP archive, for five minutes", 201, typed(a.createZip)},

		{"GET", "/nodes/{id}/access", read, "whoCanOpen", "Who can open this? Every person, groups unfolded", 0, typed(a.whoCanOpen)},
		{"GET", "/nodes/{id}/grants", read, "listGrants", "Who this is given to, folders above included", 0, typed(a.listGrants)},
		{"POST", "/nodes/{id}/grants", share, "giveAccess", "Give a person or a group access", 201, typed(a.giveAccess)},
		{"POST", "/nodes/{id}/ask", write, "askForMore", "Ask those who manage this for more rights; once a day", 0, typed(a.askForMore)},
		{"PATCH", "/nodes/{id}/grants/{grant}", share, "changeGrant", "Change how much is given, and until when", 0, typed(a.changeGrant)},
		{"DELETE", "/nodes/{id}/grants/{grant}", share, "takeAccess", "Take access away", 0, typed(a.takeAccess)},
		{"GET", "/activity", read, "listActivity", "What happened to what the caller may open, newest first", 0, a.raw(a.getActivity, describeActivity)},
		{"GET", "/nodes/{id}/activity", read, "listNodeActivity", "What happened to a file or folder and to what is below it, newest first", 0, a.raw(a.getActivity, describeActivity)},
		{"GET", "/nodes/{id}/requests", share, "listNodeRequests", "File requests into a folder, made last first", 0, typed(a.listNodeRequests)},
		{"POST", "/nodes/{id}/requests", share, "makeRequest", "Make an address at which people without an account put files into this folder", 201, typed(a.makeRequest)},
		{"GET", "/requests", share, "listRequests", "File requests that the caller made, or all, made last first", 0, typed(a.listRequests)},
		{"GET", "/requests/{id}", share, "getRequest", "One file request", 0, typed(a.getRequest)},
		{"PATCH", "/requests/{id}", share, "changeRequest", "Change a file request, turn it off, or on again", 0, typed(a.changeRequest)},
		{"DELETE", "/requests/{id}", share, "removeRequest", "Remove a file request; what came by it stays", 0, typed(a.removeRequest)},
		{"POST", "/requests/batch", share, "changeRequests", "Turn many file requests off, or set when they end", 0, typed(a.changeRequests)},
		{"GET", "/shared", read, "listShared", "What others gave to the caller, last first", 0, typed(a.listShared)},
		{"DELETE", "/shared/{id}", write, "leaveShare", "Give up what others gave", 0, typed(a.leaveShare)},
		{"GET", "/directory", share, "findPeople", "People to share with, by a part of their name or address: ten at most", 0, typed(a.findPeople)},
		{"GET", "/groups", share, "listGroups", "All groups, by name", 0, typed(a.listGroups)},
		{"POST", "/groups", share, "makeGroup", "Make an empty group", 201, typed(a.makeGroup)},
		{"PATCH", "/groups/{id}", share, "renameGroup", "Rename a group", 0, typed(a.renameGroup)},
		{"DELETE", "/groups/{id}", share, "deleteGroup", "Remove a group, and all access that was given to it", 0, typed(a.deleteGroup)},
		{"GET", "/groups/{id}/members", share, "listMembers", "Who is in a group, by name", 0, typed(a.listMembers)},
		{"PUT", "/groups/{id}/members/{user}", share, "addMember", "Put somebody into a group", 0, typed(a.addMember)},
		{"DELETE", "/groups/{id}/members/{user}", share, "removeMember", "Take somebody out of a group", 0, typed(a.removeMember)},
		{"GET", "/nodes/{id}/links", read, "listNodeLinks", "Links that open this without an account, those of folders above included", 0, typed(a.listNodeLinks)},
		{"POST", "/nodes/{id}/links", share, "makeLink", "Make a link that opens this without an account; a password that was made here is shown this once", 201, typed(a.makeLink)},
		{"GET", "/links", read, "listLinks", "Links that the caller has made, or all, made last first", 0, typed(a.listLinks)},
		{"GET", "/links/{id}", read, "getLink", "One link", 0, typed(a.getLink)},
		{"GET", "/links/{id}/qr", read, "getLinkQR", "The address of a link as a QR code, for who manages its node", 0, a.raw(a.getLinkQR, describeQR)},
		{"PATCH", "/links/{id}", share, "changeLink", "Change a link, turn it off, or on again", 0, typed(a.changeLink)},
		{"DELETE", "/links/{id}", share, "deleteLink", "Remove a link with all that is known of its visits", 0, typed(a.deleteLink)},
		{"POST", "/links/batch", share, "changeLinks", "Turn many links off, or set when they end", 0, typed(a.changeLinks)},
		{"POST", "/links/{id}/recipients", share, "addRecipients", "Let more addresses open a link, and nobody else; each gets a mail", 0, typed(a.addRecipients)},
		{"DELETE", "/links/{id}/recipients/{recipient}", share, "dropRecipient", "Close a link to one of its recipients", 0, typed(a.dropRecipient)},
		{"GET", "/links/{id}/receipts", read, "listReceipts", "What was done by a link, the last first; as JSON or CSV", 0, a.raw(a.listReceipts, describeReceipts)},
		{"OPTIONS", "/uploads", public, "askUploads", "What of the tus protocol is spoken", 0, a.raw(a.tus, describeTus)},
		{"POST", "/uploads", write, "beginUpload", "Begin an upload that arrives in several requests (tus 1.0)", 201, a.raw(a.tus, describeTus)},
		{"GET", "/uploads", write, "listUploads", "Own uploads that are not finished, youngest first", 0, typed(a.listUploads)},
		{"HEAD", "/uploads/{id}", write, "headUpload", "Where an upload stands", 0, a.raw(a.tus, describeTus)},
		{"PATCH", "/uploads/{id}", write, "continueUpload", "Send more of an upload", 204, a.raw(a.tus, describeTus)},
		{"DELETE", "/uploads/{id}", write, "endUpload", "Remove an upload that is not finished", 204, a.raw(a.tus, describeTus)},

		{"GET", "/trash", read, "listTrash", "What is in the trash, newest first", 0, typed(a.listTrash)},
		{"DELETE", "/trash", write, "emptyTrash", "Delete everything in the trash for ever", 0, typed(a.emptyTrash)},
		{"DELETE", "/trash/{id}", write, "deleteNode", "Delete for ever", 0, typed(a.deleteNode)},
		{"POST", "/trash/{id}/restore", write, "restoreNode", "Take out of the trash", 0, typed(a.restoreNode)},
	}
}

// Inputs and outputs that many handlers share.
type (
	none struct{}

	// ByID is exported because huma sees exported fields only, embedded ones too.
	ByID struct {
		ID coffer.ID `path:"id" doc:"26 characters of base32"`
	}

	// bodyOf is an input, or an output, that is a body and nothing else.
	bodyOf[T any] struct{ Body T }

	// done is an answer without a body.
	done struct{}
)
