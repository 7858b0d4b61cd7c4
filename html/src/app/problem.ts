import { ApiError } from '@/api/client';
import { formatDateTime } from '@/app/format';
import { i18n, text } from '@/i18n';

/** Codes of the server that have a text of their own. */
const KEYS: Record<string, string> = {
  wrong_credentials: 'problem.login.bad',
  inactive: 'problem.login.inactive',
  throttled: 'problem.login.throttle',
  not_authenticated: 'problem.session',
  forbidden: 'problem.forbidden',
  csrf: 'problem.csrf',
  not_found: 'problem.missing',
  conflict: 'problem.conflict',
  login_format: 'problem.login.format',
  login_taken: 'problem.login.taken',
  ae_title_format: 'problem.aet.format',
  ae_title_taken: 'problem.aet.taken',
  password_empty: 'problem.password.empty',
  old_password: 'problem.password.old',
  node_address: 'problem.node.address',
  node_offline: 'problem.node.offline',
  in_use: 'problem.inUse',
  has_studies: 'problem.user.hasStudies',
  storage_node: 'problem.user.storageNode',
  too_large: 'problem.tooLarge',
  storage_full: 'problem.storageFull',
  node_full: 'problem.nodeFull',
  peer_unavailable: 'problem.peer',
  draining: 'problem.peer',
  unreachable: 'problem.unreachable',
};

/** Say in the user's language what went wrong and what to do. */
export function problemText(error: unknown): string {
  if (!(error instanceof ApiError)) return text('problem.unknown');
  // The other codes are names of their texts; a page that can meet one has it.
  const key = KEYS[error.code] ?? `problem.${error.code}`;
  const named = { s: error.retryAfter ?? 1, cause: error.message, date: formatDateTime(error.values['date']) };
  if (i18n.global.te(key)) return text(key, named);
  return error.code === 'invalid' ? text('problem.invalid', { details: error.message }) : text('problem.unknown');
}
