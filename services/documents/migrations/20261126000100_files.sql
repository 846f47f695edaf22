-- Files, how they come in, and objects that have to go from the object store.

create table uploads (
    upload_id uuid not null,
    -- The id of the file that it becomes.
    file_id uuid not null,
    owner_id uuid not null,
    kind text not null,
    -- Empty once the owner is erased.
    name text not null,
    content_type text not null,
    size_bytes bigint not null,
    -- Of the whole file; null for one that is written in parts.
    sha256 bytea,
    -- Null for a file that is written at once.
    part_size_bytes bigint,
    -- The store's own id of an upload in parts; null until the first part is signed.
    store_upload_id text,
    -- How many of the assembled parts were read again and found right, where the store keeps no checksums.
    checked_parts integer not null default 0,
    state text not null,
    refused_reason text,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    constraint uploads_pk primary key (upload_id),
    constraint uploads_file_key unique (file_id),
    constraint uploads_kind_check check (kind in ('media', 'image', 'material', 'homework', 'paper')),
    constraint uploads_size_check check (size_bytes > 0 and part_size_bytes > 0),
    constraint uploads_way_check check ((sha256 is null) = (part_size_bytes is not null)),
    constraint uploads_sha256_check check (octet_length(sha256) = 32),
    constraint uploads_state_check check (state in ('open', 'completed', 'refused', 'aborted', 'expired')),
    constraint uploads_refused_check check ((state = 'refused') = (refused_reason is not null))
);

create index uploads_open_idx on uploads (owner_id) where state = 'open';
create index uploads_expires_idx on uploads (expires_at) where state = 'open';
create index uploads_over_idx on uploads (created_at) where state <> 'open';
create index uploads_owner_idx on uploads (owner_id, upload_id);

-- What each part was said to hold when its latest link was signed.
create table upload_parts (
    upload_id uuid not null,
    number integer not null,
    sha256 bytea not null,
    constraint upload_parts_pk primary key (upload_id, number),
    constraint upload_parts_upload_fk foreign key (upload_id) references uploads on delete cascade,
    constraint upload_parts_number_check check (number between 1 and 10000),
    constraint upload_parts_sha256_check check (octet_length(sha256) = 32)
);

create table files (
    file_id uuid not null,
    owner_id uuid not null,
    kind text not null,
    -- Empty once the owner is erased.
    name text not null,
    content_type text not null,
    size_bytes bigint not null,
    sha256 bytea,
    created_at timestamptz not null,
    constraint files_pk primary key (file_id),
    constraint files_kind_check check (kind in ('media', 'image', 'material', 'homework', 'paper')),
    constraint files_size_check check (size_bytes > 0),
    constraint files_sha256_check check (octet_length(sha256) = 32)
);

create index files_owner_idx on files (owner_id, file_id desc);

-- Objects that have to go. Deleted first at delete_at, and for the last time at last_at, when nobody can write there any more.
create table doomed_objects (
    object_key text not null,
    -- An upload in parts that is to be given up as well.
    store_upload_id text not null default '',
    delete_at timestamptz not null,
    last_at timestamptz not null,
    constraint doomed_objects_pk primary key (object_key, store_upload_id)
);

create index doomed_objects_delete_at_idx on doomed_objects (delete_at);

-- People who were erased, so that a token that still works leaves nothing behind.
create table erased_owners (
    owner_id uuid not null,
    erased_at timestamptz not null,
    constraint erased_owners_pk primary key (owner_id)
);
