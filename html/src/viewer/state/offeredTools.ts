import { linkTab } from '@/app/linkTab';
import type { ToolRow } from '@/core/tools/table';

/** Whoever came by a link passes no links on. */
const NOT_BY_LINK: readonly string[] = ['link'];

/** Whether a tool is for who looks at this page. */
export function isOffered({ id }: Pick<ToolRow, 'id'>): boolean {
  return !linkTab.active || !NOT_BY_LINK.includes(id);
}
