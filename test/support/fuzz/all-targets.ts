import { FILE_TARGETS } from './file-targets.ts';
import { HTTP_TARGETS } from './http-targets.ts';
import { KEY_TARGETS } from './key-targets.ts';
import { PKI_TARGETS } from './pki-targets.ts';
import { REQUEST_TARGETS } from './request-targets.ts';
import { RIVER_TARGETS } from './river-targets.ts';
import type { FuzzTarget } from './target.ts';
import { WIRE_TARGETS } from './wire-targets.ts';

export const ALL_TARGETS: readonly FuzzTarget[] = [
  ...WIRE_TARGETS,
  ...PKI_TARGETS,
  ...FILE_TARGETS,
  ...HTTP_TARGETS,
  ...KEY_TARGETS,
  ...REQUEST_TARGETS,
  ...RIVER_TARGETS,
];
