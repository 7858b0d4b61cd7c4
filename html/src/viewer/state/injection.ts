import { inject, type InjectionKey, provide } from 'vue';

import type { Workspace } from './workspace';

const KEY: InjectionKey<Workspace> = Symbol('workspace');

export function provideWorkspace(workspace: Workspace): void {
  provide(KEY, workspace);
}

/** The workspace of the page; components live only inside it. */
export function useWorkspace(): Workspace {
  const workspace = inject(KEY);
  if (!workspace) throw new Error('no workspace');
  return workspace;
}
