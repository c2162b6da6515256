/*
 * The converters of ICU, as libxml2 asks for them: there are none.
 *
 * Debian's libxml2 has UTF-8, UTF-16, ISO-8859-1 and ASCII inside and leaves other encodings to ICU, whose
 * tables are 30 MB that would have to be on every host, and to be trusted with hostile bytes.
 * rastos-domain-xml takes libxml2 without them (libxml2.a): a document in another encoding is refused, as if
 * ICU did not know it.
 *
 * ICU 72, unicode/ucnv.h; the header gives the names their version.
 */
#include <unicode/ucnv.h>
#include <unicode/ucnv_err.h>

UConverter *ucnv_open(const char *name, UErrorCode *error)
{
	(void)name;
	*error = U_FILE_ACCESS_ERROR; /* as when its tables are not installed */
	return NULL;
}

void ucnv_close(UConverter *converter)
{
	(void)converter;
}

/* The others are only called with a converter, of which there is none. */

void ucnv_convertEx(UConverter *to, UConverter *from, char **target, const char *target_end,
		    const char **source, const char *source_end, UChar *pivot, UChar **pivot_source,
		    UChar **pivot_target, const UChar *pivot_end, UBool reset, UBool flush, UErrorCode *error)
{
	(void)to, (void)from, (void)target, (void)target_end, (void)source, (void)source_end;
	(void)pivot, (void)pivot_source, (void)pivot_target, (void)pivot_end, (void)reset, (void)flush;
	*error = U_UNSUPPORTED_ERROR;
}

void ucnv_setFromUCallBack(UConverter *converter, UConverterFromUCallback action, const void *context,
			   UConverterFromUCallback *old_action, const void **old_context, UErrorCode *error)
{
	(void)converter, (void)action, (void)context, (void)old_action, (void)old_context;
	*error = U_UNSUPPORTED_ERROR;
}

void ucnv_setToUCallBack(UConverter *converter, UConverterToUCallback action, const void *context,
			 UConverterToUCallback *old_action, const void **old_context, UErrorCode *error)
{
	(void)converter, (void)action, (void)context, (void)old_action, (void)old_context;
	*error = U_UNSUPPORTED_ERROR;
}

void UCNV_FROM_U_CALLBACK_STOP(const void *context, UConverterFromUnicodeArgs *arguments, const UChar *units,
			       int32_t length, UChar32 point, UConverterCallbackReason reason,
			       UErrorCode *error)
{
	(void)context, (void)arguments, (void)units, (void)length, (void)point, (void)reason, (void)error;
}

void UCNV_TO_U_CALLBACK_STOP(const void *context, UConverterToUnicodeArgs *arguments, const char *units,
			     int32_t length, UConverterCallbackReason reason, UErrorCode *error)
{
	(void)context, (void)arguments, (void)units, (void)length, (void)reason, (void)error;
}
