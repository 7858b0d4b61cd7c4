import { createRouter, createWebHistory, type RouteLocationNormalized, type Router, type RouteRecordRaw } from 'vue-router';

import { ApiError } from '@/api/client';
import { basePath } from '@/app/base';
import { linkTab } from '@/app/linkTab';
import { text, withTexts } from '@/i18n';
import { useAdministrator } from '@/stores/administrator';
import { useSession } from '@/stores/session';
import { useSettings } from '@/stores/settings';

declare module 'vue-router' {
  interface RouteMeta {
    /** Whose session the page needs; public pages need none. */
    access?: 'public' | 'user' | 'administrator';
    /** Key of the page's title. */
    title?: string;
    /** Around pictures the page is dark whatever the user's theme. */
    dark?: boolean;
  }
}

export const routes: RouteRecordRaw[] = [
  { path: '/login', name: 'login', component: () => import('@/views/LoginView.vue'), meta: { access: 'public', title: 'login.title' } },
  { path: '/', name: 'studies', component: withTexts(() => import('@/views/StudiesView.vue'), 'upload'), meta: { title: 'menu.studies' } },
  {
    path: '/viewer/:window(image|mpr|3d)',
    name: 'viewer',
    component: linkTab.active ? withTexts(() => import('@/links/LinkViewer.vue'), 'link') : () => import('@/viewer/ViewerPage.vue'),
    meta: { title: 'menu.viewer', dark: true },
  },
  { path: '/viewer', redirect: (to) => ({ path: '/viewer/image', query: to.query }) },
  { path: '/links', name: 'links', component: withTexts(() => import('@/views/LinksView.vue'), 'links'), meta: { title: 'menu.links' } },
  {
    path: '/settings',
    component: withTexts(() => import('@/views/settings/SettingsFrame.vue'), 'settings'),
    meta: { title: 'menu.settings' },
    redirect: '/settings/account',
    children: [
      { path: 'account', name: 'settings-account', component: () => import('@/views/settings/AccountView.vue') },
      { path: 'display', name: 'settings-display', component: () => import('@/views/settings/DisplayView.vue') },
      { path: 'quarantine', name: 'settings-quarantine', component: () => import('@/views/settings/QuarantineView.vue') },
    ],
  },
  { path: '/admin/login', name: 'admin-login', component: withTexts(() => import('@/views/admin/AdminLoginView.vue'), 'admin'), meta: { access: 'public', title: 'admin.title' } },
  {
    path: '/admin',
    component: withTexts(() => import('@/views/admin/AdminFrame.vue'), 'admin', 'settings'),
    meta: { access: 'administrator', title: 'admin.title' },
    redirect: '/admin/users',
    children: [
      { path: 'overview', name: 'admin-overview', component: () => import('@/views/admin/OverviewView.vue') },
      { path: 'server', name: 'admin-server', component: () => import('@/views/admin/ServerView.vue') },
      { path: 'users', name: 'admin-users', component: () => import('@/views/admin/UsersView.vue') },
      { path: 'nodes', name: 'admin-nodes', component: () => import('@/views/admin/NodesView.vue') },
      { path: 'journal', name: 'admin-journal', component: () => import('@/views/admin/JournalView.vue') },
      { path: 'audit', name: 'admin-audit', component: () => import('@/views/admin/AuditView.vue') },
      { path: 'api-keys', name: 'admin-api-keys', component: () => import('@/views/admin/ApiKeysView.vue') },
      { path: 'links', name: 'admin-links', component: withTexts(() => import('@/views/admin/AdminLinksView.vue'), 'links') },
      { path: 'quarantine', name: 'admin-quarantine', component: () => import('@/views/admin/AdminQuarantineView.vue') },
      { path: 'about', name: 'admin-about', component: () => import('@/views/admin/AdminAboutView.vue') },
    ],
  },
  { path: '/about', name: 'about', component: () => import('@/views/AboutView.vue'), meta: { access: 'public', title: 'menu.about' } },
  { path: '/:rest(.*)*', name: 'missing', component: () => import('@/views/MissingView.vue'), meta: { access: 'public', title: 'missing.title' } },
];

/** Only addresses inside the application may follow a log-in. */
export function safeNext(next: unknown): string {
  return typeof next === 'string' && /^\/(?![/\\])/.test(next) ? next : '/';
}

/** Where the caller has to go first, or true if he may enter. */
async function admit(to: RouteLocationNormalized) {
  const access = to.meta.access ?? 'user';
  // A link has its own page around the viewer; what else there is belongs to a page with a cookie.
  if (linkTab.active && to.name === 'viewer') return true;
  if (linkTab.active) {
    location.assign(basePath + to.fullPath.slice(1));
    return false;
  }
  if (access === 'public') return true;
  const store = access === 'user' ? useSession() : useAdministrator();
  try {
    await store.load();
    if (store.status === 'active') await useSettings().serve(access);
  } catch (error) {
    // The page shows that the server does not answer, and asks again.
    if (error instanceof ApiError) return true;
    throw error;
  }
  if (store.status !== 'none') return true;
  const next = to.fullPath === '/' || to.fullPath === '/admin/users' ? {} : { next: to.fullPath };
  return { name: access === 'user' ? 'login' : 'admin-login', query: next };
}

export function createPageRouter(): Router {
  const router = createRouter({ history: createWebHistory(basePath), routes });
  router.beforeEach(admit);
  router.afterEach((to) => {
    // The viewer names the study itself.
    if (to.name !== 'viewer') document.title = to.meta.title ? `${text(to.meta.title)} - WebViewer` : 'WebViewer';
  });
  return router;
}
