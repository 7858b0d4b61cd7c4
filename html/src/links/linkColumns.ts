import type { SharedLink } from '@/api/types';
import { formatDate, formatDateTime, formatName, formatNumber } from '@/app/format';
import type { Column } from '@/components/list/table';
import { text } from '@/i18n';

/** A link in a list, with its place in it. */
export interface LinkRow extends SharedLink {
  number: number;
}

type Of = (link: LinkRow) => string;
/** Orders that the server knows; the newest links come first. */
export const LINK_SORTS = ['created', 'name', 'pid', 'sex', 'dob', 'mod', 'region', 'date', 'acc', 'desc', 'user', 'comment', 'valid_until', 'opens'];

/** Why a link opens nothing, in a word. */
export const stateText: Of = (link) => text(`links.state.${link.ends || (link.revoked ? 'revoked' : 'works')}`);
export const opensText: Of = (link) =>
  link.max_opens === null ? formatNumber(link.opens) : text('links.opens.of', { n: formatNumber(link.opens), max: formatNumber(link.max_opens) });
/** What a confirmation calls a link. */
export const linkName: Of = (link) => [formatName(link.name) || text('studies.unnamed'), formatDate(link.date), link.desc, link.comment].filter(Boolean).join(', ');

/** Key, text, width, shown at first, value, numeric. */
const DEFINED: [key: string, label: string, width: number, visible: boolean, value: Of, numeric?: boolean][] = [
  ['number', 'links.number', 64, true, (link) => formatNumber(link.number), true],
  ['name', 'studies.column.name', 200, true, (link) => formatName(link.name)],
  ['pid', 'studies.column.pid', 120, true, (link) => link.pid],
  ['sex', 'studies.column.sex', 56, true, (link) => link.sex],
  ['dob', 'studies.column.dob', 104, true, (link) => formatDate(link.dob)],
  ['mod', 'studies.column.mod', 92, true, (link) => link.mod.join(', ')],
  ['region', 'studies.column.region', 112, true, (link) => link.region],
  ['date', 'studies.column.date', 130, true, (link) => formatDateTime(link.date)],
  ['acc', 'studies.column.acc', 128, false, (link) => link.acc],
  ['desc', 'links.description', 220, true, (link) => link.desc],
  ['user', 'links.user', 130, true, (link) => link.user || text('links.administrator')],
  ['source', 'links.source', 140, true, (link) => link.source || text('studies.storage')],
  ['created', 'links.createdAt', 150, true, (link) => formatDateTime(link.created)],
  ['comment', 'links.comment', 200, true, (link) => link.comment],
  ['valid_until', 'links.validUntil', 150, true, (link) => formatDateTime(link.valid_until)],
  ['opens', 'links.opens', 90, true, opensText, true],
  ['state', 'links.state', 140, true, stateText],
];

/** Columns of the lists of links: a user's has no user, and only a licence that can sign shows what is signed. */
export function linkColumns({ users, signing }: { users: boolean; signing: boolean }): Column<LinkRow>[] {
  return [
    ...DEFINED.filter(([key]) => users || key !== 'user').map(([key, label, width, visible, value, numeric = false]) => ({
      key, label: text(label), width, visible, value, numeric, sortable: LINK_SORTS.includes(key),
    })),
    ...(signing
      ? [{ key: 'signed', label: text('links.signed'), width: 130, visible: true, value: (link: LinkRow) => (link.signed ? text('links.signed.yes') : '') }]
      : []),
    { key: 'actions', label: text('studies.column.actions'), width: 208, visible: true, fixed: 'end' as const, value: () => '' },
  ];
}
