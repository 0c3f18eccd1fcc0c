// JavaScript objects that own a native object, and carry a type tag that distinguishes them from all other objects.
#pragma once

#include <napi.h>

#include <memory>
#include <string>
#include <utility>

#include "convert.h"

namespace napi_torch {

template <class Handle>
void FinalizeHandle(napi_env /*env*/, void* data, void* /*hint*/) {
  const std::unique_ptr<Handle> owner(static_cast<Handle*>(data));
}

template <class Handle>
Napi::Object Wrap(Napi::Env env, Handle handle, const napi_type_tag& tag) {
  Napi::Object object = Napi::Object::New(env);
  auto owned = std::make_unique<Handle>(std::move(handle));
  NAPI_THROW_IF_FAILED(env, napi_wrap(env, object, owned.get(), FinalizeHandle<Handle>, nullptr, nullptr), object);
  owned.release();  // NOLINT(bugprone-unused-return-value): the finalizer owns it from here.
  NAPI_THROW_IF_FAILED(env, napi_type_tag_object(env, object, &tag), object);
  return object;
}

// The native object of `value`. Where that is another object, the error says that `what` is expected for `name`.
template <class Handle>
Handle& Unwrap(Napi::Value value, const napi_type_tag& tag, const char* what, const std::string& name) {
  bool is_ours = false;
  void* data = nullptr;
  if (!value.IsObject() || napi_check_object_type_tag(value.Env(), value, &tag, &is_ours) != napi_ok || !is_ours ||
      napi_unwrap(value.Env(), value, &data) != napi_ok) {
    throw Expected(value.Env(), what, name);
  }
  return *static_cast<Handle*>(data);
}

}  // namespace napi_torch
