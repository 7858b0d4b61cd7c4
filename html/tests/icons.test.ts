import { mdiClose, mdiMenu } from '@mdi/js';
import { describe, expect, it } from 'vitest';

import { withIcons } from '../scripts/icons';

describe('icons', () => {
  it('come with the module that imports them, under the names that it gives them', () => {
    const code = "import { ref } from 'vue';\nimport {\n  mdiClose,\n  mdiMenu as bars,\n} from '@mdi/js';\nuse(mdiClose, bars);";
    expect(withIcons(code)).toBe(
      `import { ref } from 'vue';\nconst mdiClose = "${mdiClose}"; const bars = "${mdiMenu}";\nuse(mdiClose, bars);`,
    );
  });

  it('that do not exist end the build', () => {
    expect(() => withIcons("import { mdiNothing } from '@mdi/js';")).toThrow('mdiNothing');
  });
});
