import { createRouter, createWebHistory, type RouteLocationNormalized, type Router, type RouteRecordRaw } from 'vue-router';

import { ApiError } from '@/api/client';
import { basePath } from '@/app/base';
import { text } from '@/i18n';
import { useAdministrator } from '@/stores/administrator';
import { useSession } from '@/stores/session';

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
  { path: '/', name: 'studies', component: () => import('@/views/StudiesView.vue'), meta: { title: 'menu.studies' } },
  {
    path: '/viewer/:window(image|mpr|3d)',
    name: 'viewer',
    component: () => import('@/viewer/ViewerPage.vue'),
    meta: { title: 'menu.viewer', dark: true },
  },
  { path: '/viewer', redirect: (to) => ({ path: '/viewer/image', query: to.query }) },
  {
    path: '/settings',
    component: () => import('@/views/settings/SettingsFrame.vue'),
    meta: { title: 'menu.settings' },
    redirect: '/settings/account',
    children: [
      { path: 'account', name: 'settings-account', component: () => import('@/views/settings/AccountView.vue') },
      { path: 'display', name: 'settings-display', component: () => import('@/views/settings/DisplayView.vue') },
      { path: 'quarantine', name: 'settings-quarantine', component: () => import('@/views/settings/QuarantineView.vue') },
    ],
  },
  { path: '/admin/login', name: 'admin-login', component: () => import('@/views/admin/AdminLoginView.vue'), meta: { access: 'public', title: 'admin.title' } },
  {
    path: '/admin',
    component: () => import('@/views/admin/AdminFrame.vue'),
    meta: { access: 'administrator', title: 'admin.title' },
    redirect: '/admin/users',
    children: [
      { path: 'server', name: 'admin-server', component: () => import('@/views/admin/ServerView.vue') },
      { path: 'users', name: 'admin-users', component: () => import('@/views/admin/UsersView.vue') },
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
  if (access === 'public') return true;
  const store = access === 'user' ? useSession() : useAdministrator();
  try {
    await store.load();
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
