import { createPinia } from 'pinia';
import { createApp } from 'vue';

import { enterLinkTab } from '@/app/linkTab';
import { vuetify } from '@/app/vuetify';
import App from '@/App.vue';
import { browserLanguage, i18n, setLanguage } from '@/i18n';
import { createPageRouter } from '@/router';

enterLinkTab();
await setLanguage(browserLanguage());
createApp(App).use(createPinia()).use(i18n).use(vuetify).use(createPageRouter()).mount('#app');
