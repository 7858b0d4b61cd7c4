import { api } from './client';
import type { ClusterNode, NodeChange } from './types';

export interface NodePage {
  total: number;
  offset: number;
  next_id: number;
  nodes: ClusterNode[];
}

export interface NodeQuery {
  sort: string;
  descending: boolean;
  offset: number;
  limit: number;
}

const path = (id: number) => `v2/admin/nodes/${id}`;

export const listNodes = (query: NodeQuery, signal?: AbortSignal) => api.get<NodePage>('v2/admin/nodes', { query: { ...query }, signal });
export const addNode = (node: { id: number | null; address: string; role: ClusterNode['role'] }) => api.post<ClusterNode>('v2/admin/nodes', node);
export const changeNode = (id: number, change: Partial<NodeChange>) => api.patch<ClusterNode>(path(id), change);
export const deleteNode = (id: number) => api.delete<void>(path(id));
export const drainNode = (id: number, draining: boolean) => api.put<ClusterNode>(`${path(id)}/draining`, { draining });
export const pingNode = async (id: number) => (await api.post<{ ms: number }>(`${path(id)}/ping`)).ms;
