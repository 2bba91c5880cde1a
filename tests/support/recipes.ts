/** A workplace for the recipes in docs/recipes: they run unchanged, with stand-ins for programs that act elsewhere. */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect } from '@jest/globals';
import { ServiceToken } from '../../src/token/token.js';
import { BIN, type Finished } from './commands.js';
import { projectRoot } from './fixtures.js';
import { pythonWithYaml } from './programs.js';
import { type TemporaryDirectory, temporaryDirectory } from './temporary-directory.js';

/** A parsed document; a test that reads a missing field fails. */
export type Parsed = ReturnType<typeof JSON.parse>;

/** Returns the path of a recipe. */
export const recipe = (name: string) => join(projectRoot, 'docs/recipes', name);

/** A directory for each test, with the tool and the stand-ins first on the PATH of everything that runs there. */
export class Workplace {
  readonly directory: TemporaryDirectory = temporaryDirectory();

  constructor() {
    beforeEach(() => {
      mkdirSync(this.at('bin'));
      symlinkSync(BIN, this.at('bin/elasticsearch-service-tokens'));
      writeFileSync(this.at('calls'), '');
    });
  }

  at = (name: string) => join(this.directory.path, name);
  read = (name: string) => readFileSync(this.at(name), 'utf8');

  /** Puts a stand-in for a program on the PATH: a script for sh, whose arguments are recorded before it runs. */
  standIn(program: string, script = ''): void {
    const lines = ['#!/bin/sh', 'set -e', `echo "${program} $*" >> "$BASE/calls"`, script];
    writeFileSync(this.at(`bin/${program}`), `${lines.join('\n')}\n`);
    chmodSync(this.at(`bin/${program}`), 0o755);
  }

  /** The calls of the stand-ins, one line each. */
  calls = () => this.read('calls').split('\n').filter(Boolean);

  /** Runs a program here, as `user` if that is given. */
  run(program: string, args: readonly string[], { input = '', env = {}, user = {} } = {}): Promise<Finished> {
    const path = this.directory.path;
    const own = { HOME: path, TMPDIR: path, BASE: path, LC_ALL: 'C.UTF-8', NODE_NO_WARNINGS: '1' };
    const { ES_PATH_CONF, ES_HOME, ...outer } = process.env;
    const PATH = `${this.at('bin')}:${process.env['PATH']}`;
    const child = spawn(program, args, { cwd: path, env: { ...outer, ...own, PATH, ...env }, ...user });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (data) => (stdout += data));
    child.stderr.on('data', (data) => (stderr += data));
    child.stdin.on('error', () => {}); // a program that reads no input may have ended
    child.stdin.end(input);
    return new Promise((resolve) =>
      child.on('close', (code, signal) => resolve({ stdout, stderr, status: code ?? signal })),
    );
  }

  /** Runs a line of sh, which must succeed. @returns its standard output */
  async sh(line: string, input = '', user = {}): Promise<string> {
    const { status, stdout, stderr } = await this.run('sh', ['-c', line], { input, user });
    if (status !== 0) throw new Error(`${line} ended with ${status}: ${stderr}`);
    return stdout;
  }

  /** Runs the tool, whose arguments contain no spaces. */
  tool = (args: string) => this.sh(`elasticsearch-service-tokens ${args}`);

  /** Runs a recipe's script; stderr contains the trace of bash, with the arguments of every command. */
  trace = (script: string, args = '', env = {}) =>
    this.run('bash', ['-x', script, ...args.split(' ').filter(Boolean)], { env });

  /** Like `trace`; the script must succeed. */
  async succeed(script: string, args = '', env = {}): Promise<Finished> {
    const finished = await this.trace(script, args, env);
    expect({ script, ...finished }).toMatchObject({ status: 0 });
    return finished;
  }

  /** Parses YAML with PyYAML. @returns its documents, without empty ones */
  async yaml(text: string): Promise<Parsed[]> {
    const program =
      'import json, sys, yaml; json.dump([d for d in yaml.safe_load_all(sys.stdin) if d], sys.stdout, default=str)';
    return JSON.parse(await this.sh(`${pythonWithYaml()} -c '${program}'`, text));
  }

  /** Fails unless a tokens file accepts a bearer. */
  async expectAccepted(bearer = '', tokensFile = 'tokens'): Promise<void> {
    expect(bearer).toMatch(/^AAEAA[\w+/]+$/); // no line end, which most programs would treat as part of the token
    await this.sh(`elasticsearch-service-tokens verify --file '${tokensFile}'`, bearer);
  }

  /** Fails if other users could see a token: in an argument, a readable file, or the traced output of a recipe. */
  expectSecret(bearer: string, ...outputs: readonly Finished[]): void {
    const secret = ServiceToken.decode(bearer)?.secret ?? 'not a token';
    const logs = [...outputs.flatMap(({ stdout, stderr }) => [stdout, stderr]), this.read('calls')];
    expect(logs.filter((text) => text.includes(bearer) || text.includes(secret))).toEqual([]);
    const names = readdirSync(this.directory.path, { recursive: true, encoding: 'utf8' });
    const open = names.filter((name) => {
      const stat = lstatSync(this.at(name));
      return stat.isFile() && (stat.mode & 0o077) !== 0 && this.read(name).includes(bearer);
    });
    expect(open).toEqual([]);
  }
}

/** Reads a file of variables as `docker run --env-file` does: no quotes, no expansion. */
export function parseEnvFile(text: string): Record<string, string> {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#'));
  return Object.fromEntries(lines.map((line) => /^([^=]*)=?(.*)$/.exec(line)?.slice(1) ?? []));
}

const NAME = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const LABEL =
  /^([a-z0-9.-]+\/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?=([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/;
const DATUM = /^[-._a-zA-Z0-9]{1,253}=([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Returns the data of a Secret of Kubernetes as text; fails if it breaks a pattern of the schema of a Secret. */
export function dataOf({
  apiVersion,
  kind,
  metadata,
  type = 'Opaque',
  data,
}: Parsed): Record<string, string> {
  expect({ apiVersion, kind, type }).toEqual({ apiVersion: 'v1', kind: 'Secret', type: 'Opaque' });
  expect(metadata.name).toMatch(NAME);
  expect(metadata.namespace ?? 'default').toMatch(NAMESPACE);
  const pairs = (map: Record<string, string>) => Object.entries(map).map(([key, value]) => `${key}=${value}`);
  for (const label of pairs(metadata.labels ?? {})) expect(label).toMatch(LABEL);
  for (const datum of pairs(data)) expect(datum).toMatch(DATUM);
  const entries = Object.entries(data as Record<string, string>);
  return Object.fromEntries(entries.map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
}
