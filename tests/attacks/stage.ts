import {
  chmodSync,
  chownSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { ATTACKER, type Beginning, type Layout, type Owned } from './layouts.js';
import type { Identity } from './protocol.js';

/** The secret, which occurs only in files that the attacker must not read. */
export const SECRET = 'k0hInoor';
/** A third user, with a world-writable file. */
const NEIGHBOUR = 60_003;

/** In memory if possible: tens of thousands of small trees are created. */
export function temporaryPlace(): string {
  try {
    return mkdtempSync('/dev/shm/service-tokens-attack-');
  } catch {
    return mkdtempSync('/tmp/service-tokens-attack-');
  }
}

/** The directories of an attack: the victim's treasure, the attacker's workshop, and the layout. */
export class Stage {
  readonly root = temporaryPlace();
  /** Private to the victim; its content must not be changed or read. */
  readonly treasure = join(this.root, 'treasure');
  readonly workshop = join(this.root, 'workshop');
  readonly area = join(this.root, 'area');
  readonly neighbours = join(this.root, 'neighbours-file');
  #treasurer: number | undefined;

  constructor() {
    chmodSync(this.root, 0o755);
  }

  /** Rebuilds all directories. @param entry a line of a tokens file */
  build(layout: Layout, beginning: Beginning, entry: string): void {
    rmSync(this.area, { recursive: true, force: true });
    rmSync(this.workshop, { recursive: true, force: true });
    if (this.#treasurer !== layout.victim.uid) this.#hideTreasure(layout.victim.uid, entry);
    this.#furnishWorkshop(entry);
    directory(this.area, { uid: 0, gid: 0, mode: 0o755 });
    for (const { path, ...owned } of layout.directories) directory(join(this.area, path), owned);
    this.#furnishConfig(layout, beginning, entry);
  }

  /** The path of the last directory of the layout. */
  config({ directories }: Layout): string {
    return join(this.area, directories.at(-1)?.path ?? '');
  }

  /** The state of the victim's treasure and of the third user's file, as text. */
  inventory(): string {
    return [...filesBelow(this.root, 'treasure'), 'treasure', 'neighbours-file']
      .map((name) => {
        const path = join(this.root, name);
        const stat = lstatSync(path, { bigint: true });
        const { ino, uid, gid, mode, mtimeNs } = stat;
        // Without link count and ctime, which a hard link changes.
        const rest = stat.isFile() ? readFileSync(path, 'base64') : `${stat.nlink} ${stat.ctimeNs}`;
        return [name, ino, uid, gid, mode.toString(8), mtimeNs, rest].join(' ');
      })
      .sort()
      .join('\n');
  }

  /** To be called after the treasure was damaged: the next build recreates it. */
  forgetTreasure(): void {
    this.#treasurer = undefined;
  }

  /** The files outside the treasure that contain the secret, and that the attacker owns or may read. */
  leaks({ uid, groups }: Identity): string[] {
    const own = new Set(
      filesBelow(this.root, 'treasure').map((name) => lstatSync(join(this.root, name)).ino),
    );
    return [...filesBelow(this.root, 'area'), ...filesBelow(this.root, 'workshop')].filter((name) => {
      const stat = lstatSync(join(this.root, name));
      if (!stat.isFile() || own.has(stat.ino)) return false;
      const shift = stat.uid === uid ? 6 : groups.includes(stat.gid) ? 3 : 0;
      const isOpen = stat.uid === uid || ((stat.mode >> shift) & 0o4) !== 0;
      return isOpen && readFileSync(join(this.root, name), 'latin1').includes(SECRET);
    });
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  #hideTreasure(uid: number, entry: string): void {
    rmSync(this.treasure, { recursive: true, force: true });
    const own = (mode: number): Owned => ({ uid, gid: uid, mode });
    const [key] = entry.split(':');
    directory(this.treasure, own(0o700));
    // Like /etc/shadow: parsed as a tokens file, its lines are plain text, which would be copied.
    file(join(this.treasure, 'secret'), `root:$6$${SECRET}:19000:0:99999:7:::\n`, own(0o600));
    // A valid tokens file, which cannot be distinguished from the intended one.
    file(join(this.treasure, 'service_tokens'), `${entry}${key}-2:${SECRET}\n`, own(0o600));
    file(join(this.treasure, 'elasticsearch.yml'), `cluster.name: ${SECRET}\n`, own(0o600));
    directory(join(this.treasure, 'vault'), own(0o700));
    file(join(this.treasure, 'vault', 'a'), SECRET, own(0o600));
    file(join(this.treasure, 'vault', 'name'), `${entry}${key}-2:${SECRET}\n`, own(0o600));
    directory(join(this.treasure, 'vault', 'empty'), own(0o700));
    file(this.neighbours, entry, { uid: NEIGHBOUR, gid: NEIGHBOUR, mode: 0o666 });
    this.#treasurer = uid;
  }

  /** The files that the attacker has prepared. */
  #furnishWorkshop(entry: string): void {
    const owned = (mode: number): Owned => ({ uid: ATTACKER, gid: ATTACKER, mode });
    directory(this.workshop, owned(0o777));
    // The attacker could create it if fs.protected_hardlinks were 0 and the directory accessible.
    linkSync(join(this.treasure, 'secret'), join(this.workshop, 'name-of-secret'));
    for (const name of ['elsewhere', 'trap']) {
      const place = join(this.workshop, name);
      directory(place, owned(0o777));
      file(join(place, 'elasticsearch.yml'), '', owned(0o660));
      if (name === 'trap')
        link(join(this.treasure, 'service_tokens'), join(place, 'service_tokens'), ATTACKER);
      else file(join(place, 'service_tokens'), entry, owned(0o660));
      link(join(this.treasure, 'service_tokens'), join(place, 'name'), ATTACKER);
    }
  }

  #furnishConfig(layout: Layout, beginning: Beginning, entry: string): void {
    const config = this.config(layout);
    const owned = layout.directories.at(-1) ?? layout.siblings;
    file(join(config, 'elasticsearch.yml'), 'cluster.name: test\n', layout.siblings);
    file(join(config, 'elasticsearch.keystore'), '', layout.siblings);
    if ('mode' in beginning) file(join(config, 'service_tokens'), entry, beginning);
    if (beginning.name !== 'link') return;
    const { uid } = layout.victim.uid === 0 ? owned : layout.siblings;
    directory(join(config, 'd'), { ...owned, uid });
    link('d/name', join(config, 'service_tokens'), uid);
    file(join(config, 'd', 'name'), entry, { ...layout.siblings, uid });
  }
}

function directory(path: string, { uid, gid, mode }: Owned): void {
  mkdirSync(path);
  chownSync(path, uid, gid);
  chmodSync(path, mode);
}

function file(path: string, content: string, { uid, gid, mode }: Owned): void {
  writeFileSync(path, content);
  chownSync(path, uid, gid);
  chmodSync(path, mode);
}

function link(target: string, path: string, uid: number): void {
  symlinkSync(target, path);
  lchownSync(path, uid, uid);
}

/** The names, relative to `root`, of all files below a directory; symlinks are not followed. */
function filesBelow(root: string, name: string): string[] {
  return readdirSync(join(root, name), { withFileTypes: true }).flatMap((entry) => {
    const path = join(name, entry.name);
    return entry.isDirectory() ? [path, ...filesBelow(root, path)] : [path];
  });
}
