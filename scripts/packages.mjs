/**
 * Makes what is installed without Node, in dist/packages, from the executables in dist/standalone: `npm run packages`.
 *
 * For x64 and arm64: a .deb, an .rpm, a .tar.xz with the same files, and an OCI image of the executable and the libraries
 * that it loads; besides, an SBOM and SHA256SUMS. Two builds give the same bytes, as every time is SOURCE_DATE_EPOCH, by
 * default the last commit's. It needs Debian's packages dpkg, rpm, xz-utils and libc6-arm64-cross.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const { name, version, license, author, homepage } = JSON.parse(readFileSync('package.json', 'utf8'));
const OUT = resolve('dist/packages');
const WORK = join(OUT, 'work');
const DOC = `usr/share/doc/${name}`;
const SUMMARY = 'manage the service account tokens of Elasticsearch';
const ABOUT =
  'Creates, lists, deletes, verifies and monitors the tokens in the file\n service_tokens, without a JVM and without a running node.';
const TARGETS = [
  {
    node: 'linux-x64',
    deb: 'amd64',
    rpm: 'x86_64',
    triplet: 'x86_64-linux-gnu',
    loader: '/lib64/ld-linux-x86-64.so.2',
  },
  {
    node: 'linux-arm64',
    deb: 'arm64',
    rpm: 'aarch64',
    triplet: 'aarch64-linux-gnu',
    loader: '/lib/ld-linux-aarch64.so.1',
  },
];
/** What Bun is linked with: ldd(1). */
const LIBRARIES = ['libc.so.6', 'libdl.so.2', 'libm.so.6', 'libpthread.so.0'];
/** What an executable that holds Bun cannot obey. */
const OVERRIDES = ['binary-from-other-architecture', 'embedded-library', 'unstripped-binary-or-object'];

const epoch = Number(process.env.SOURCE_DATE_EPOCH ?? call('git', ['log', '-1', '--format=%ct']));
process.env.SOURCE_DATE_EPOCH = String(epoch);
process.umask(0o022);
rmSync(OUT, { recursive: true, force: true });
for (const target of TARGETS) {
  const executable = `dist/standalone/${name}-${target.node}`;
  const tree = join(WORK, target.node);
  makeTree(tree, executable);
  const release = `${name}-${version}-${target.node}`;
  writeFileSync(join(OUT, `${release}.tar.xz`), xz(tar(tree, `${release}/`)));
  makeRpm(tree, target.rpm);
  makeDeb(tree, target.deb);
  writeFileSync(
    join(OUT, `${release}-oci.tar`),
    makeImage(join(WORK, 'image', target.node), executable, target),
  );
}
makeSbom();
rmSync(WORK, { recursive: true });
const sums = readdirSync(OUT).map((file) => `${sha256(readFileSync(join(OUT, file)))}  ${file}\n`);
writeFileSync(join(OUT, 'SHA256SUMS'), sums.join(''));

/** Writes the files that are installed, where a Linux system looks for them. */
function makeTree(tree, executable) {
  const completion = (shell) => call('bin/elasticsearch-service-tokens', ['completion', shell]);
  write(tree, {
    [`usr/share/man/man1/${name}.1.gz`]: gzip(readFileSync(`man/${name}.1`)),
    [`usr/share/bash-completion/completions/${name}`]: completion('bash'),
    [`usr/share/zsh/vendor-completions/_${name}`]: completion('zsh'),
    [`usr/share/fish/vendor_completions.d/${name}.fish`]: completion('fish'),
    [`${DOC}/README.md`]: readFileSync('README.md'),
    [`${DOC}/changelog.gz`]: gzip(readFileSync('CHANGELOG.md')),
    [`${DOC}/LICENSE`]: readFileSync('LICENSE'),
    [`${DOC}/copyright`]: `${name}, ${homepage}, is licensed under the Apache License, version 2.0; on Debian its text is
in /usr/share/common-licenses/Apache-2.0. The executable contains:\n\n${licences()}`,
  });
  cpSync('docs', join(tree, DOC, 'docs'), { recursive: true });
  install(executable, join(tree, 'usr/bin', name));
  touch(tree);
}

function makeRpm(tree, architecture) {
  const spec = `
Name: ${name}
Version: ${version}
Release: 1
Summary: ${SUMMARY}
License: ${license} and others
URL: ${homepage}
Requires: glibc
AutoReqProv: no
%description
${ABOUT}
%install
cp -a ${tree}/. %{buildroot}
%files
%defattr(-,root,root)
/${DOC}
${call('find', ['usr', '-path', DOC, '-prune', '-o', '-type', 'f', '-printf', '/%p\n'], { cwd: tree })}`;
  writeFileSync(join(WORK, 'spec'), spec);
  const settings = {
    _topdir: join(WORK, 'rpm'),
    _rpmdir: OUT,
    _rpmfilename: '%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm',
    _binary_payload: 'w3.zstdio',
    _build_id_links: 'none',
    __os_install_post: '%{nil}', // which would strip the executable
    _buildhost: 'reproducible',
    use_source_date_epoch_as_buildtime: 1,
    clamp_mtime_to_source_date_epoch: 1,
  };
  const defines = Object.entries(settings).flatMap(([key, value]) => ['--define', `${key} ${value}`]);
  call('rpmbuild', ['-bb', '--quiet', '--target', architecture, ...defines, join(WORK, 'spec')]);
}

/** Makes the .deb of the tree, to which it adds what only Debian has. */
function makeDeb(tree, architecture) {
  const date = new Date(epoch * 1000).toUTCString().replace('GMT', '+0000');
  rmSync(join(tree, DOC, 'LICENSE'));
  write(tree, {
    [`${DOC}/changelog.Debian.gz`]: gzip(
      `${name} (${version}-1) unstable; urgency=medium\n\n  * Release ${version}.\n\n -- ${author}  ${date}\n`,
    ),
    [`usr/share/lintian/overrides/${name}`]: OVERRIDES.map((tag) => `${name}: ${tag}\n`).join(''),
  });
  const sums = call('find', ['usr', '-type', 'f', '-exec', 'md5sum', '{}', '+'], { cwd: tree });
  const size = call('du', ['--apparent-size', '-sk', 'usr'], { cwd: tree }).split('\t')[0];
  write(tree, {
    'DEBIAN/md5sums': sums.replace(/\n$/, '').split('\n').toSorted().join('\n').concat('\n'),
    'DEBIAN/control': `Package: ${name}
Version: ${version}-1
Architecture: ${architecture}
Maintainer: ${author}
Installed-Size: ${size}
Depends: libc6 (>= 2.28)
Section: admin
Priority: optional
Homepage: ${homepage}
Description: ${SUMMARY}
 ${ABOUT}
`,
  });
  touch(tree);
  const file = join(OUT, `${name}_${version}-1_${architecture}.deb`);
  call('dpkg-deb', ['--root-owner-group', '-Zxz', '-z1', '--build', tree, file]);
}

/** @returns the layout of an OCI image, as a tarball, with the manifest.json that an older `docker load` reads */
function makeImage(directory, executable, { node, deb, triplet, loader }) {
  const [root, layout] = [join(directory, 'root'), join(directory, 'layout')];
  const isHost = node === `linux-${process.arch}`;
  const system = isHost ? `/lib/${triplet}` : `/usr/${triplet}/lib`; // of Debian's libc6-arm64-cross
  write(root, { 'etc/passwd': 'elasticsearch:x:1000:1000::/:\n' });
  install(executable, join(root, 'usr/bin', name));
  for (const library of LIBRARIES) install(join(system, library), join(root, 'lib', triplet, library));
  install(join(system, basename(loader)), join(root, loader));
  const blob = (type, content) => {
    const digest = sha256(content);
    write(layout, { [`blobs/sha256/${digest}`]: content });
    const descriptor = {
      mediaType: `application/vnd.oci.image.${type}`,
      digest: `sha256:${digest}`,
      size: content.length,
    };
    return { descriptor, path: `blobs/sha256/${digest}` };
  };
  const json = (value) => Buffer.from(JSON.stringify(value));
  const files = tar(root, '');
  const layer = blob('layer.v1.tar+gzip', gzip(files, 6));
  const platform = { architecture: deb, os: 'linux' };
  const config = blob(
    'config.v1+json',
    json({
      ...platform,
      created: new Date(epoch * 1000).toISOString(),
      config: { User: '1000:1000', Entrypoint: [`/usr/bin/${name}`] },
      rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(files)}`] },
    }),
  );
  const links = { config: config.descriptor, layers: [layer.descriptor] };
  const { descriptor } = blob('manifest.v1+json', json({ schemaVersion: 2, ...links }));
  const tag = `${name}:${version}`;
  const annotations = { 'org.opencontainers.image.ref.name': tag };
  write(layout, {
    'oci-layout': json({ imageLayoutVersion: '1.0.0' }),
    'index.json': json({ schemaVersion: 2, manifests: [{ ...descriptor, platform, annotations }] }),
    'manifest.json': json([{ Config: config.path, RepoTags: [tag], Layers: [layer.path] }]),
  });
  return tar(layout, '');
}

/** Writes what the executables contain: of the packages in the lock file, those whose licences are there, and Bun. */
function makeSbom() {
  const sbom = JSON.parse(call('npm', ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only']));
  const contained = [...licences().matchAll(/^(\S+) (\d\S*) \((.+)\)$/gm)];
  const components = contained.map(([, key, at, terms]) => {
    const known = sbom.components.find((each) => each['bom-ref'] === `${key}@${at}`);
    const runtime = { 'bom-ref': `${key}@${at}`, type: 'platform', name: key, version: at };
    return known ?? { ...runtime, licenses: [{ license: { name: terms } }] };
  });
  delete sbom.serialNumber; // which is random
  sbom.metadata.timestamp = new Date(epoch * 1000).toISOString();
  sbom.metadata.component.name = name; // and not the directory's
  const dependsOn = components.map((each) => each['bom-ref']);
  const content = { ...sbom, components, dependencies: [{ ref: `${name}@${version}`, dependsOn }] };
  writeFileSync(join(OUT, `${name}-${version}.cdx.json`), `${JSON.stringify(content, null, 2)}\n`);
}

function licences() {
  return readFileSync('dist/standalone/LICENSES.txt', 'utf8');
}

/** Archives a directory; the same files give the same bytes. */
function tar(directory, prefix) {
  const owner = ['--owner=0', '--group=0', '--numeric-owner'];
  const options = [
    '--sort=name',
    '--format=gnu',
    ...owner,
    `--mtime=@${epoch}`,
    `--transform=s,^\\./,${prefix},`,
  ];
  return execFileSync('tar', [...options, '-C', directory, '-c', '.'], { maxBuffer: 2 ** 30 });
}

function xz(content) {
  return execFileSync('xz', ['-1', '-T1', '-c'], { input: content, maxBuffer: 2 ** 30 });
}

/** @param level Debian wants 9 for documents */
function gzip(content, level = 9) {
  return gzipSync(content, { level });
}

function sha256(content) {
  return createHash('sha256').update(content).digest('hex');
}

function write(directory, files) {
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    writeFileSync(join(directory, file), content);
  }
}

function install(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { dereference: true });
  chmodSync(to, 0o755);
}

function touch(tree) {
  call('find', [tree, '-exec', 'touch', '-h', '-d', `@${epoch}`, '{}', '+']);
}

function call(program, args, options = {}) {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], ...options });
}
