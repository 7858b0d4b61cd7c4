import { text } from '@/i18n';

/** What the search panels offer; a value that comes from elsewhere is taken too. */
export const MODALITIES = ['CR', 'CT', 'DX', 'ES', 'MG', 'MR', 'NM', 'OT', 'PT', 'RF', 'SC', 'SR', 'US', 'XA', 'XC'];
export const REGIONS = ['ABDOMEN', 'ANKLE', 'BRAIN', 'BREAST', 'CHEST', 'ELBOW', 'FOOT', 'HAND', 'HEAD', 'HEART', 'HIP', 'KNEE', 'LIVER', 'LSPINE', 'NECK', 'PELVIS', 'SHOULDER', 'SPINE', 'WRIST'];

export const sexChoices = () => [
  { title: text('common.any'), value: '' },
  ...(['M', 'F', 'O'] as const).map((value) => ({ title: text(`studies.sex.${value}`), value })),
];
