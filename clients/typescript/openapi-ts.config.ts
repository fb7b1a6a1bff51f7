import { defineConfig } from '@hey-api/openapi-ts';

/** How the client is generated; `make client` gives both paths. */
export default defineConfig({
  input: process.env.ONECARD_SCHEMA ?? 'schema.json',
  output: { path: process.env.ONECARD_GENERATED ?? 'src/generated', importFileExtension: '.js' },
  parser: {
    patch: {
      // src/onecard.ts makes the key of each POST, so nobody has to give one.
      operations: (_method, _path, operation) => {
        for (const each of operation.parameters ?? []) {
          if ('name' in each && each.name === 'Idempotency-Key') each.required = false;
        }
      },
    },
  },
  plugins: [
    { name: '@hey-api/client-fetch', throwOnError: true },
    '@hey-api/typescript',
    { name: '@hey-api/sdk', operations: { strategy: 'single', containerName: 'OneCardApi' } },
  ],
});
