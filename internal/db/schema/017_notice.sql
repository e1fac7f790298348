-- What people are told, in the page and by mail.
CREATE TABLE notice (
  id        BYTEA    PRIMARY KEY,
  user_id   BYTEA    NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
  at        BIGINT   NOT NULL,                   -- of the last time
  kind      TEXT     NOT NULL,
  same      BYTEA    NOT NULL,                   -- equal for what is one notice, while nobody has read or mailed it
  actor_id  BYTEA,
  node_id   BYTEA,
  object_id BYTEA,
  count     BIGINT   NOT NULL,                   -- how often it happened
  told      TEXT     NOT NULL,                   -- JSON: coffer.NoticeText
  read_at   BIGINT,
  mail_at   BIGINT,                              -- when it is to be mailed; NULL = never, or done
  mailed    SMALLINT NOT NULL                    -- 1: it was
);
CREATE INDEX notice_user ON notice (user_id, at, id);
CREATE INDEX notice_unread ON notice (user_id, same) WHERE read_at IS NULL;
CREATE INDEX notice_mail ON notice (mail_at, user_id) WHERE mail_at IS NOT NULL;
CREATE INDEX notice_old ON notice (at);

-- Which of them a person gets by mail; without a row the defaults.
CREATE TABLE notice_setting (
  user_id   BYTEA   PRIMARY KEY REFERENCES user_account (id) ON DELETE CASCADE,
  shares    BOOLEAN NOT NULL,
  links     BOOLEAN NOT NULL,
  requests  BOOLEAN NOT NULL,
  storage   BOOLEAN NOT NULL,
  digest    BOOLEAN NOT NULL,                    -- one mail a day
  names     BOOLEAN NOT NULL,                    -- names of files stand in mails
  mailed_at BIGINT  NOT NULL                     -- when the last mail of notices was written; 0 = never
);
