#pragma once

#include <napi.h>

namespace napi_torch {

// Raw storages, for the readers and writers of checkpoint files.
void InitStorage(Napi::Env env, Napi::Object exports);

}  // namespace napi_torch
