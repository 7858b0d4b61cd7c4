import type { components } from './schema';

type Schemas = components['schemas'];
/** Answers hold every field: the server writes defaults too. */
type Answer<Name extends keyof Schemas> = Required<Schemas[Name]>;

export type SessionInfo = Answer<'SessionInfo'>;
export type StudySummary = Answer<'StudySummary'>;
export type SeriesSummary = Answer<'SeriesSummary'>;
export type IngestOutcome = Answer<'IngestOutcome'>;
export type Reason = Schemas['Reason'];
export type QuarantineItem = Answer<'QuarantineItem'>;
export type User = Answer<'User'>;
export type NewUser = Schemas['NewUser'];
export type UserChange = Schemas['UserChange'];
export type Licensing = Answer<'Licensing'>;
export type OpenSession = Answer<'OpenSession'>;
export type JournalEvent = Answer<'JournalEvent'>;
export type AuditEntry = Answer<'AuditEntry'>;
export type AuditReport = Answer<'AuditReport'>;
export type ClusterNode = Answer<'Node'>;
export type NodeChange = Schemas['NodeChange'];
export type Overview = Answer<'Overview'>;
export type RetentionDays = Answer<'RetentionDays'>;
export type Version = Answer<'Version'>;
export type ArchiveAddress = Answer<'ArchiveAddress'>;
export type UploadState = Omit<Answer<'UploadState'>, 'outcomes'> & { outcomes: IngestOutcome[] };

export interface StudyPage {
  total: number;
  offset: number;
  studies: StudySummary[];
}

export interface StudyDetail {
  study: StudySummary;
  series: SeriesSummary[];
}

export interface QuarantinePage {
  total: number;
  offset: number;
  items: QuarantineItem[];
}

export interface UserPage {
  total: number;
  offset: number;
  users: User[];
}

export type QuarantineSort = 'received' | 'source' | 'name' | 'size' | 'reason';

export type StudySort =
  | 'name' | 'pid' | 'sex' | 'dob' | 'mod' | 'region' | 'date' | 'acc'
  | 'desc' | 'nser' | 'ninst' | 'size' | 'ref' | 'inst' | 'recv';

/** Search panel of the study list; empty fields match everything. */
export interface StudySearch {
  name: string;
  pid: string;
  acc: string;
  desc: string;
  ref: string;
  date_from: string;
  date_to: string;
  birth_date: string;
  sex: '' | 'M' | 'F' | 'O';
  modality: string;
  region: string;
}

export interface StudyQuery extends StudySearch {
  sort: StudySort;
  descending: boolean;
  offset: number;
  limit: number;
}

/** A link as the lists show it; cells of the study are those of when it was made. */
export type SharedLink = Answer<'Link'>;
export type LinkWindow = SharedLink['window'];
export type LinkQueries = Answer<'LinkQueries'>;
export type LinkOptions = Answer<'LinkOptions'>;
export type LinkOpening = Answer<'LinkOpening'>;
export type NewLink = Schemas['NewLink'];
export type CreatedLink = Schemas['CreatedLink'];
export type LinkPage = Answer<'LinkPage'>;

/** Search panel of the lists of links; empty fields match everything. */
export interface LinkSearch {
  name: string;
  pid: string;
  acc: string;
  desc: string;
  date_from: string;
  date_to: string;
  birth_date: string;
  sex: string;
  modality: string;
  region: string;
  created_from: string;
  created_to: string;
  user: string;
}

export type KeyRequest = Schemas['KeyRequest'];
export type NewApiKey = Schemas['NewApiKey'];
export type ApiKeyChange = Partial<Schemas['ApiKeyChange']>;
export type ApiKey = Schemas['ApiKeyEntry'];
export type ApiKeyPage = Schemas['ApiKeyPage'];
