/// Destructors of what ranks free together.
///
/// An exception may strike one rank alone. A collective free in a destructor that it passes on its
/// way up would wait for ranks that are somewhere else, and nobody would ever read the message. The
/// job ends after such an exception (failure.hpp), so the free is left to the system.
#pragma once

#include <exception>

namespace orbitmill {

/// A member of an object, asked in its destructor. The same thread creates and destroys it.
class Unwinding {
 public:
  /// True when an exception thrown after the construction destroys the object.
  bool is_under_way() const noexcept { return std::uncaught_exceptions() > before_; }

 private:
  int before_ = std::uncaught_exceptions();
};

}  // namespace orbitmill
