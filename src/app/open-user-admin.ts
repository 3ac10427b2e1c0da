import type { Scope } from '../lib/lifecycle.ts';
import { createChangeAccount } from '../services/account/change.ts';
import { createPasswordTools, type PasswordTools } from '../services/password/tools.ts';
import { identityPolicyOf } from '../services/registration/identity.ts';
import { createUserAdmin, type UserAdmin } from '../services/user/admin.ts';
import type { Core } from './core.ts';
import { hashParams, openForge } from './open-forge.ts';
import { openWake } from './open-wake.ts';

/** What commands do with accounts. The Forge is opened only where a password is set. */
export function openUserAdmin(core: Core, scope: Scope): UserAdmin {
  const { config, directory: domains } = core;
  const wakeMail = openWake(core, scope, 'authctl_mail');
  let tools: Promise<PasswordTools> | undefined;

  async function openTools(): Promise<PasswordTools> {
    const forge = await openForge(config, scope, 1);
    return createPasswordTools({ ...core, forge, params: hashParams(config) });
  }

  // No session is remembered here; API nodes find out within their own bound.
  const forgetSession = () => undefined;
  return createUserAdmin({
    ...core,
    domains,
    identities: identityPolicyOf(config),
    changeAccount: createChangeAccount({ ...core, wakeMail, forgetSession }),
    passwordTools() {
      tools ??= openTools();
      return tools;
    },
    forgetSession,
  });
}
