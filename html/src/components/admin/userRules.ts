/** Keys of the texts that say what is wrong with a field; empty if nothing is. */
export const loginProblem = (login: string): string =>
  login === '' ? 'problem.required' : /^[A-Za-z][A-Za-z0-9_]{0,31}$/.test(login) ? '' : 'problem.login.format';

/** An AE title may be left out. */
export const aeTitleProblem = (title: string): string =>
  title === '' || /^[A-Za-z0-9_-]{1,16}$/.test(title) ? '' : 'problem.aet.format';

export const passwordProblem = (password: string): string => (password === '' ? 'problem.password.empty' : '');
