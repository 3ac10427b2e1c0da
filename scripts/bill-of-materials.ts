/** What is installed with the program, as `package-lock.json` has it. */
export interface LockFile {
  readonly name: string;
  readonly version: string;
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

interface LockedPackage {
  /** Where the folder has another name than the package. */
  readonly name?: string;
  readonly version?: string;
  readonly license?: string;
  /** As of Subresource Integrity: `sha512-…`. */
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
}

/**
 * The program's bill of materials, in CycloneDX 1.6: every package of its release, with version, licence
 * and digest, for whoever has to find out whether a vulnerable one is among them. The same lock file makes
 * the same bill.
 */
export function makeBillOfMaterials({ name, version, packages }: LockFile) {
  const components = Object.entries(packages)
    .filter(([folder, { dev }]) => folder !== '' && !dev)
    .map(([folder, locked]) => toComponent(folder, locked))
    .toSorted((a, b) => (a.purl < b.purl ? -1 : 1));
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: { type: 'application', 'bom-ref': purlOf(name, version), name, version },
    },
    // A package may be installed in several places.
    components: components.filter(({ purl }, index) => purl !== components[index - 1]?.purl),
  };
}

function toComponent(folder: string, locked: LockedPackage) {
  const { version = '', license, integrity, optional } = locked;
  const name = locked.name ?? folder.slice(folder.lastIndexOf('node_modules/') + 13);
  const purl = purlOf(name, version);
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    // Built for one platform, or of use to some only.
    scope: optional ? 'optional' : 'required',
    purl,
    ...(license && { licenses: [{ expression: license.replace(' and ', ' AND ') }] }),
    ...(integrity && { hashes: [toHash(integrity)] }),
  };
}

function purlOf(name: string, version: string): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}

function toHash(integrity: string) {
  const [algorithm = '', digest = ''] = integrity.split('-');
  return {
    alg: algorithm.replace('sha', 'SHA-'),
    content: Buffer.from(digest, 'base64').toString('hex'),
  };
}
