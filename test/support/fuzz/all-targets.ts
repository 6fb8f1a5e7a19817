import { FILE_TARGETS } from './targets/file-targets.ts';
import { HTTP_TARGETS } from './targets/http-targets.ts';
import { KEY_TARGETS } from './targets/key-targets.ts';
import { PKI_TARGETS } from './targets/pki-targets.ts';
import { REQUEST_TARGETS } from './targets/request-targets.ts';
import { RIVER_TARGETS } from './targets/river-targets.ts';
import type { FuzzTarget } from './target.ts';
import { WIRE_TARGETS } from './targets/wire-targets.ts';

export const ALL_TARGETS: readonly FuzzTarget[] = [
  ...WIRE_TARGETS,
  ...PKI_TARGETS,
  ...FILE_TARGETS,
  ...HTTP_TARGETS,
  ...KEY_TARGETS,
  ...REQUEST_TARGETS,
  ...RIVER_TARGETS,
];
