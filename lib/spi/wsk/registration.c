/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "spi/wsk/priv.h"

int
san_wsk_start(struct san_host *host, unsigned int places)
{
	(void)host;
	(void)places;
	return -ENOTSUP;
}

int
san_wsk_stop(struct san_host *host)
{
	(void)host;
	return -EALREADY;
}

NTSTATUS
san_wsk_register(struct san_host *host, PWSK_CLIENT_NPI WskClientNpi, PWSK_REGISTRATION WskRegistration)
{
	(void)host;
	(void)WskClientNpi;
	(void)WskRegistration;
	return STATUS_NOT_IMPLEMENTED;
}

NTSTATUS
WskRegister(PWSK_CLIENT_NPI WskClientNpi, PWSK_REGISTRATION WskRegistration)
{
	return san_wsk_register(NULL, WskClientNpi, WskRegistration);
}

VOID
WskDeregister(PWSK_REGISTRATION WskRegistration)
{
	(void)WskRegistration;
}

NTSTATUS
WskCaptureProviderNPI(PWSK_REGISTRATION WskRegistration, ULONG WaitTimeout, PWSK_PROVIDER_NPI WskProviderNpi)
{
	(void)WskRegistration;
	(void)WaitTimeout;
	(void)WskProviderNpi;
	return STATUS_DEVICE_NOT_READY;
}

VOID
WskReleaseProviderNPI(PWSK_REGISTRATION WskRegistration)
{
	(void)WskRegistration;
}

NTSTATUS
WskQueryProviderCharacteristics(PWSK_REGISTRATION WskRegistration,
				PWSK_PROVIDER_CHARACTERISTICS WskProviderCharacteristics)
{
	(void)WskRegistration;
	(void)WskProviderCharacteristics;
	return STATUS_DEVICE_NOT_READY;
}

bool
sani_wsk_poll_own(void)
{
	return false;
}
